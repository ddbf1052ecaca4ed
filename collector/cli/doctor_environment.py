"""What `collector doctor` says of names in the environment that lead telemetry past the collector, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from collector.cli.finding import Finding
from collector.enums import Signal
from collector.settings.endpoints import is_ourselves
from collector.settings.loopback import is_loopback
from collector.settings.npm_names import boolean

_BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_OF_SIGNALS = {f"OTEL_EXPORTER_OTLP_{signal.name}_ENDPOINT": signal for signal in Signal}
_OF_NPM = ("INFERENCE_OTLP_ENDPOINT", "CATALYST_OTLP_ENDPOINT")
_SWITCHES = ("TRACE_TO_INFERENCE", "TRACE_TO_CATALYST")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Here:
    """Where the collector takes telemetry: its address, empty where that is not known, what it listens on, and the port
    for OTLP/gRPC where it has one."""

    url: str
    host: str = "127.0.0.1"
    grpc_port: int | None = None

    def differs(self, value: str) -> str:
        """In which way an address of a client does not lead here, in words; nothing where it does."""
        try:
            parts, ours = urlsplit(value), urlsplit(self.url)
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return f"is no address: write {self.url}"
        if parts.scheme not in _PORTS or not parts.hostname:
            return f"is no address: write {self.url}"
        at = ours.port or _PORTS.get(ours.scheme, 0)
        if not is_loopback(parts.hostname) and not is_ourselves(value, self.host, at):
            return f"names {parts.hostname}, another machine"
        if not self.url:
            return ""
        if is_loopback(parts.hostname) and is_loopback(self.host) and parts.hostname not in (self.host, "localhost"):
            return f"names {parts.hostname}, the collector listens at {self.host}"
        if port not in (at, self.grpc_port):
            return f"names port {port}, the collector is at {at}"
        if parts.scheme != ours.scheme:
            return f"begins with {parts.scheme}://, the collector's address with {ours.scheme}://"
        return ""


def environment_findings(here: Here, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Each name of `environ` that concerns telemetry, and whether it leads to the collector."""
    for name in (_BASE, *_OF_SIGNALS, *_OF_NPM):
        if value := environ.get(name, "").strip():
            yield _address(here, name, value)
    yield from _switched_off(environ)
    yield from _of_npm(here, environ)
    for name in _PROTOCOLS:
        if environ.get(name) == "grpc" and here.grpc_port is None:
            said = "is grpc, which the collector takes with COLLECTOR_GRPC_PORT=4317 only: set it to http/protobuf"
            yield _notice(name, said)
    bypass = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    proxy = next((name for name in _PROXIES if environ.get(name)), "")
    if proxy and "127.0.0.1" not in bypass and bypass != "*":
        said = "is set and NO_PROXY leaves out 127.0.0.1: some clients would send to the proxy instead"
        yield _notice(proxy, f"{said}; export NO_PROXY=127.0.0.1,localhost")


def _notice(name: str, said: str) -> Finding:
    return Finding("environment", "notice", f"{name} {said}")


def _address(here: Here, name: str, value: str) -> Finding:
    """Whether the address leads here, with the path that its readers expect of it."""
    if said := here.differs(value):
        if said.endswith("another machine"):
            said += ": agents go past the collector; unset it here, or give it to the collector as --upstream"
        return _notice(name, said)
    path = urlsplit(value).path.rstrip("/")
    if name == _BASE and path:
        return _notice(name, f"ends in {path}, behind which clients put /v1/traces: write {here.url}")
    if name in _OF_SIGNALS and path != (wanted := _OF_SIGNALS[name].path):
        return _notice(name, f"is taken by clients as it stands: write {here.url}{wanted}")
    return Finding("environment", "ok", f"{name} leads to this collector")


def _switched_off(environ: Mapping[str, str]) -> Iterator[Finding]:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield _notice("OTEL_SDK_DISABLED", "switches the telemetry of OpenTelemetry's SDKs off: unset it")
    exporters = environ.get("OTEL_TRACES_EXPORTER", "otlp")
    if "otlp" not in exporters:
        yield _notice("OTEL_TRACES_EXPORTER", f"is {exporters}, so that agents send no traces: set it to otlp")
    if _is_on(environ.get("OPENCODE_PURE", "")):
        yield _notice("OPENCODE_PURE", "keeps OpenCode from loading any plugin: unset it")


def _of_npm(here: Here, environ: Mapping[str, str]) -> Iterator[Finding]:
    switch = next((name for name in _SWITCHES if _is_on(environ.get(name, ""))), "")
    if switch and not any(environ.get(name) for name in _OF_NPM):
        said = "is set and no endpoint: the npm plugin sends past the collector, to Catalyst itself"
        yield _notice(switch, f"{said}; set INFERENCE_OTLP_ENDPOINT={here.url}")


def _is_on(value: str) -> bool:
    try:
        return boolean(value) is True
    except ValueError:
        return False
