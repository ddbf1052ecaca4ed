"""A collector in a thread: on a free port, in a temporary directory, without a token, forwarding nothing."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from collector.batch import Signal
from collector.testing.filters import check, unknown
from collector.testing.spans import MOST_REQUESTS, KeptSpan, attributes_of, kept_spans, tree

if TYPE_CHECKING:
    from collector.app.collector import Collector
    from collector.store import Reading

_START_SECONDS = 30.0
_STOP_SECONDS = 12.0
_LOOK_SECONDS = 0.02


class RunningCollector:
    """A collector that takes what a test sends: a context manager, or `start` and `stop`.

    `settings` are those of `collector.toml`, by name. What it keeps is in a temporary directory, removed when it stops.
    """

    def __init__(self, **settings: Any) -> None:
        self._given = settings
        self._directory = tempfile.TemporaryDirectory(prefix="collector-test-", ignore_cleanup_errors=True)
        self._data_dir = Path(self._directory.name) / "data"
        self._collector: Collector | None = None
        self._reader: Reading | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._listening = threading.Event()
        self.endpoint = ""
        """Where it listens: `http://127.0.0.1:PORT`."""

    def __enter__(self) -> RunningCollector:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> RunningCollector:
        """Start, and return when connections are accepted; raises what made it fail."""
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)
        self._thread.start()
        if not self._listening.wait(_START_SECONDS):
            raise TimeoutError(f"the collector did not listen within {_START_SECONDS:.0f} s")
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop, and remove what was kept."""
        if self._collector is not None:
            self._collector.stop()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        if self._reader is not None:
            self._reader.close()
        self._directory.cleanup()

    def _run(self) -> None:
        from pydantic import ValidationError

        from collector.app.collector import Collector
        from collector.app.data_dir import DataDirectory
        from collector.app.serving import listen
        from collector.enforce.in_force import Enforcement
        from collector.enforce.request import PolicyRequest
        from collector.settings.model import Settings
        from collector.settings.sources import Loaded, as_config_error

        try:
            path = self._data_dir
            own = {"port": 0, "data_dir": path, "forward": False}
            try:
                settings = Settings(**{**own, **self._given})
            except ValidationError as error:
                raise as_config_error(error, {name: f"collector({name}=...)" for name in self._given}) from None
            loaded = Loaded(settings, dict.fromkeys([*own, *self._given], "the test"), ())
            directory = DataDirectory(path)
            directory.claim()
            try:
                enforcement = Enforcement(PolicyRequest.from_settings(loaded, {}), path)
                with listen(settings) as listener:
                    self._collector = Collector(loaded, directory, listener, enforcement, enforcement.load(time.time()))
                    asyncio.run(self._collector.run(self._ready))
            finally:
                directory.release()
        except BaseException as error:
            self._failure = error
        finally:
            self._listening.set()

    def _ready(self, url: str) -> None:
        self.endpoint = url
        self._listening.set()

    @property
    def env(self) -> Mapping[str, str]:
        """The environment that makes an agent, an SDK or OpenCode's npm plugin send here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "TRACE_TO_INFERENCE": "true",
            "INFERENCE_OTLP_ENDPOINT": self.endpoint,
        }

    def opencode_env(self, config: Mapping[str, Any] | None = None) -> Mapping[str, str]:
        """The environment of a run of OpenCode that sends here by the collector's plugin, beside what `config` says.

        No file is written. What the plugin could not tell is read from the database of that OpenCode.
        """
        from collector.app.data_dir import INSTALL_TOKEN, found_secret
        from collector.opencode.install import PluginSettings
        from collector.opencode.one_run import CONTENT, with_plugin

        target = PluginSettings(self.endpoint, None, found_secret(self._data_dir, INSTALL_TOKEN))
        return {CONTENT: with_plugin(json.dumps(dict(config or {})), target)}

    def spans(self, **wanted: Any) -> list[KeptSpan]:
        """The spans kept so far, in order of their start; of those only that have what is `wanted`.

        `kind`, `name`, `session`, `trace` and `failed` are of the span; any other keyword is an attribute, dots written
        as two underscores: `spans(kind="TOOL", tool__name="bash")`. Raises `TypeError` for a keyword that is neither.
        """
        kept = kept_spans(self._reading())
        check(wanted, attributes_of(kept))
        return [span for span in kept if span.has(**wanted)]

    def span(self, **wanted: Any) -> KeptSpan:
        """The one span that has what is wanted; fails showing the tree when there is none, or more than one."""
        found = self.spans(**wanted)
        assert len(found) == 1, f"{len(found)} spans have {wanted}; {self._kept(wanted)}"
        return found[0]

    def wait_for(
        self, wanted: int | Callable[[list[KeptSpan]], object] = 1, seconds: float = 10.0, **filters: Any
    ) -> list[KeptSpan]:
        """The spans that have `filters`, once there are so many, or once `wanted` says of them that it is so.

        Fails, showing the tree, when they did not come within `seconds`. Raises as `spans` does.
        """
        if not callable(wanted) and wanted < 1:
            raise ValueError(f"{wanted} spans are there before any came: wait for one or more")
        deadline = time.monotonic() + seconds
        while True:
            kept = kept_spans(self._reading())
            check(filters, attributes_of(kept), more_may_come=True, also=("wanted", "seconds"))
            found = [span for span in kept if span.has(**filters)]
            if wanted(found) if callable(wanted) else len(found) >= wanted:
                return found
            if time.monotonic() > deadline:
                what = "what was wanted did not come" if callable(wanted) else f"{len(found)} of {wanted} spans came"
                raise AssertionError(f"{what} within {seconds:g} s; {self._kept(filters)}")
            time.sleep(_LOOK_SECONDS)

    def tree(self) -> str:
        """Every trace as a tree, a span a line: what to look at when a test fails."""
        return tree(kept_spans(self._reading()))

    def assert_no_text(self, text: str) -> None:
        """Fail when `text` stands anywhere in what was kept, as it is or as JSON writes it; by place, never by value.

        Fails too while nothing is kept: wait for the spans first.
        """
        if not text:
            raise ValueError("there is no text to look for")
        reading = self._reading()
        assert reading.last_batch(), "nothing was kept yet, so this would say nothing: wait for the spans first"
        texts = {text, *(json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (True, False))}
        for span in kept_spans(reading):
            place = span.place_of(texts)
            assert place is None, f"the text stands in {place} of the span {span.name}\n{self.tree()}"
        needles = [each.encode("utf-8", "surrogatepass") for each in texts]
        for signal in Signal:
            for request in reading.newest(signal, MOST_REQUESTS):
                data = request.SerializeToString()
                assert not any(each in data for each in needles), f"the text stands in the {signal} that were kept"
        for path in sorted(Path(self._directory.name).rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                assert not any(each in data for each in needles), (
                    f"the text stands in the file {path.name} of the store"
                )

    def _kept(self, wanted: Mapping[str, Any]) -> str:
        kept = kept_spans(self._reading())
        return f"{unknown(wanted, attributes_of(kept))}the collector kept\n{tree(kept)}"

    def _reading(self) -> Reading:
        if self._reader is None:
            from collector.store.open import open_reading

            self._reader = open_reading(Path(self._directory.name) / "data")
        return self._reader
