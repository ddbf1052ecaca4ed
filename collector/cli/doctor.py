"""`collector doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from collector import __version__
from collector.cli.client import Client, NotRunning, is_taken_by_another, urls_of
from collector.cli.doctor_wiring import wiring_findings
from collector.cli.finding import Finding
from collector.cli.options import AsJson, ConfigOption, DataDirOption, PolicyOption
from collector.cli.show import print_json, say_wrapped
from collector.enforce.in_force import Enforcement, InForce
from collector.enforce.request import PolicyRequest
from collector.errors import CollectorError
from collector.pipeline.selftest import prove
from collector.settings.model import Settings, store_url_of
from collector.settings.sources import Loaded, load
from collector.settings.tls import client_tls

_LEVEL_WIDTH = 9
_LEAST_FREE = 256 * 1024 * 1024


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    as_json: AsJson = False,
    config: ConfigOption = None,
    policy: PolicyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Look at everything a collector needs; prove that it redacts.

    Exit code 1 when there is a problem.
    """
    findings = list(_examine(lambda: load({"policy_file": policy, "data_dir": data_dir}, config)))
    ok = not any(finding.level == "problem" for finding in findings)
    if as_json:
        print_json({"ok": ok, "version": __version__, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            say_wrapped(f"{finding.level:8} {finding.check}: {finding.said}", _LEVEL_WIDTH)
    raise typer.Exit(0 if ok else 1)


def _examine(read: Callable[[], Loaded]) -> Iterator[Finding]:
    from collector.settings.forwarding import forwarding_settings

    try:
        loaded = read()
        forwarding = forwarding_settings(loaded.settings, loaded.origins, loaded.settings.port)
    except CollectorError as error:
        yield Finding("settings", "problem", str(error))
        return
    yield Finding("settings", "ok", f"Python {sys.version.split()[0]} on {sys.platform}; {forwarding.reason}")
    for notice in (*loaded.notices, *forwarding.notices):
        yield Finding("settings", "notice", notice)
    in_force = yield from _policy(loaded)
    yield _data_dir(loaded.settings.data_dir.expanduser())
    status = yield from _running(loaded)
    if forwarding.destinations:
        from collector.cli.doctor_destination import destination_findings  # imports a client for HTTP

        blocked = in_force is None or in_force.blocked or status.get("policy", {}).get("blocked")
        known = status.get("forwarding", {}).get("destinations", {})
        yield from destination_findings(forwarding.destinations, known, bool(blocked))
    yield from wiring_findings(loaded.settings)


def _policy(loaded: Loaded) -> Generator[Finding, None, InForce | None]:
    """Tells of the policy in force, and returns it; None where there can be none."""
    enforcement = Enforcement(PolicyRequest.from_settings(loaded, os.environ), loaded.settings.data_dir.expanduser())
    try:
        in_force = enforcement.load(time.time())
    except CollectorError as error:
        yield Finding("policy", "problem", str(error))
        return None
    found = in_force.policy
    if in_force.blocked:
        yield Finding("policy", "problem", f"nothing is sent: {in_force.blocked}")
    else:
        where = ", ".join(in_force.sources) or "no machine policy"
        yield Finding("policy", "ok", f"{found.name}, revision {found.revision}, mode {found.mode}; {where}")
    for notice in in_force.notices:
        yield Finding("policy", "notice", notice)
    yield from _proof(in_force)
    return in_force


def _proof(in_force: InForce) -> Iterator[Finding]:
    engine = getattr(in_force.sealer().engine, "name", "re")
    if engine == "hyperscan":
        yield Finding("engine", "ok", f"{engine}, {len(in_force.policy.rules)} rules on")
    else:
        said = f"{engine}, {len(in_force.policy.rules)} rules on: same findings, many times slower; install hyperscan"
        yield Finding("engine", "notice", said)
    start = time.perf_counter()
    try:
        positions = prove(in_force.sealer())
    except CollectorError as error:
        yield Finding("self-test", "problem", str(error))
    else:
        took = (time.perf_counter() - start) * 1000
        yield Finding("self-test", "ok", f"test secrets in {positions} text positions, none survived ({took:.0f} ms)")


def _data_dir(path: Path) -> Finding:
    if not path.exists():
        return Finding("data directory", "ok", f"{path} will be made at the first start")
    if not os.access(path, os.W_OK | os.X_OK):
        return Finding("data directory", "problem", f"{path} cannot be written: mend its rights, or use --data-dir")
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        return Finding("data directory", "notice", f"{path} can be read by others: chmod 700")
    if (free := shutil.disk_usage(path).free) < _LEAST_FREE:
        return Finding("data directory", "notice", f"{path}: its disk has {free / 1e6:,.0f} MB left; make room there")
    return Finding("data directory", "ok", str(path))


def _not_heard(settings: Settings, error: CollectorError) -> Finding:
    """Why the collector of these settings did not answer: it does not run, or another program has its port."""
    url = urls_of(settings)[-1] if settings.port else ""
    if url and is_taken_by_another(url, client_tls(settings)):
        said = f"another program listens at {url}: stop it, or set COLLECTOR_PORT for the collector and for its clients"
        return Finding("collector", "problem", said)
    return Finding("collector", "notice" if isinstance(error, NotRunning) else "problem", str(error))


def _stored(settings: Settings) -> Iterator[Finding]:
    """Whether what was kept can be read, where no collector runs to say so."""
    from collector.store.open import OtherStore, is_there, open_reading

    directory, url = settings.data_dir.expanduser(), store_url_of(settings)
    if not is_there(directory, url):
        return
    try:
        reader = open_reading(directory, url)
        with contextlib.closing(reader):
            reader.ledger()
    except OtherStore as error:
        yield Finding("store", "problem", f"{error}: use that version or program, or another data directory")
    except CollectorError as error:
        if url:
            said = f"{error}: check COLLECTOR_STORE_URL, and whether that database runs"
            yield Finding("store", "problem", said)
        else:
            said = f"{error}: one of an older version is brought to this one's format by `collector serve`"
            yield Finding("store", "notice", said)
    else:
        yield Finding("store", "ok", "it opens")


def _running(loaded: Loaded) -> Generator[Finding, None, dict[str, Any]]:
    """Tells of the running collector, and returns its status; an empty one where there is none to be had."""
    try:
        found: dict[str, Any] = Client(loaded.settings).get("/api/status")
    except CollectorError as error:
        yield _not_heard(loaded.settings, error)
        if isinstance(error, NotRunning):
            yield from _stored(loaded.settings)
        return {}
    grpc = f" and for OTLP/gRPC at {found['grpc']}" if found["grpc"] else ""
    said = f"version {found['version']} at {found['url']}{grpc}; {found['forwarding']['reason']}"
    yield Finding("collector", "ok", said)
    store = found["store"]
    if store.get("most_bytes"):
        used = f"{store['total_bytes'] / 1e6:,.0f} of {store['most_bytes'] / 1e6:,.0f} MB used"
        yield Finding("store", "ok", used)
    for notice in found["notices"]:
        yield Finding("collector", "notice", notice)
    if found["policy"]["blocked"]:
        yield Finding("collector", "problem", f"sends nothing: {found['policy']['blocked']}")
    return found
