"""A collector as the whole of a process: what is checked before it listens, and its event loop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from collector.app.data_dir import DataDirectory
from collector.app.memory import tune_allocator
from collector.app.serving import check_bind, check_reading, listen, run_loop
from collector.enforce.in_force import Enforcement
from collector.enforce.request import PolicyRequest
from collector.pipeline.selftest import prove
from collector.settings.sources import Loaded
from collector.settings.teams import check_teams


def serve(
    loaded: Loaded,
    listening: Callable[[str], None],
    enforcement: Enforcement | None = None,
    reread: Callable[[], Loaded] | None = None,
) -> None:
    """Run a collector until it is told to stop; raises `ConfigError` before anything is listened on.

    `reread` reads the settings anew where they came from: at SIGHUP, and when their file changes.
    """
    tune_allocator()
    settings = loaded.settings
    check_bind(settings)
    check_reading(settings)
    check_teams(settings)
    data_dir = DataDirectory(settings.data_dir.expanduser())
    data_dir.claim()
    try:
        enforcement = enforcement or Enforcement(
            PolicyRequest.from_settings(loaded, os.environ), data_dir.path, fetch=True
        )
        in_force = enforcement.load(time.time())
        with ThreadPoolExecutor(1, "rules") as beside:  # the rules are compiled while the rest is imported
            sealer = beside.submit(in_force.sealer)
            from collector.app.collector import Collector
        prove(sealer.result())
        with listen(settings) as listener:
            collector = Collector(loaded, data_dir, listener, enforcement, in_force, reread)
            run_loop(collector.run(listening))
    finally:
        data_dir.release()
