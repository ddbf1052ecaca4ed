"""The items of the leak list that are about our own code: policy, engine, and what we keep."""

from __future__ import annotations

import ast
import re
import threading
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import collector
from collector.batch import SealedBatch, Signal
from collector.pipeline.crossing import pack_batch, unpack_batch
from collector.pipeline.selftest import Survived, prove
from collector.policy.model import ContentLevel
from collector.redact.engine.engine import Engine, Extent
from collector.redact.otlp.opaque import opaque
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer

SOURCE = Path(collector.__file__).parent
TOKEN = "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"


def redacted(text: str) -> str:
    return Sealer(preset_policy()).text(text.encode())[0].decode()


def test_36_only_the_seal_makes_sealed_batches() -> None:
    """So no way from any receiver to any exporter, file or page leads past it.

    What was sealed in another process is unpacked from what that process packed of a sealed batch, and by nothing else.
    """
    assert _callers(SealedBatch.__name__) == {"redact/seal.py", "pipeline/crossing.py"}
    assert _callers(unpack_batch.__name__) == {"app/workers.py"}
    assert _callers(pack_batch.__name__) == {"app/sealing_process.py"}
    assert get_type_hints(pack_batch)["batch"] is SealedBatch


def _callers(name: str) -> set[str]:
    """The modules that call it."""
    return {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if name in (source := path.read_text())
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    }


def test_37_an_engine_that_cannot_scan_costs_the_value() -> None:
    """Whatever it raises, the value does not pass."""
    for error in (RuntimeError, MemoryError, RecursionError, KeyError):

        class Broken:
            def find_all(self, texts: list[str], error: type[Exception] = error) -> Any:
                raise error(TOKEN)

            def find(self, data: bytes, error: type[Exception] = error) -> Any:
                raise error(TOKEN)

        request = ExportTraceServiceRequest()
        span = request.resource_spans.add().scope_spans.add().spans.add(name="something said")
        span.attributes.add(key="a").value.string_value = TOKEN
        batch = Sealer(preset_policy(), Broken()).seal(Signal.TRACES, request)  # type: ignore[arg-type]
        assert TOKEN.encode() not in batch.data
        assert b"something said" not in batch.data
        assert batch.findings["error"] >= 2


def test_37_one_engine_serves_two_threads() -> None:
    """Hyperscan's scratch belongs to one thread at a time."""
    engine = Engine()
    failures: list[str] = []

    def work() -> None:
        for _ in range(200):
            if [extent.rule for extent in engine.find(f"a {TOKEN} b".encode() * 20)] != ["github-token"] * 20:
                failures.append("lost")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_42_what_is_cut_is_cut_between_characters() -> None:
    for around in ("ü", "漢字", "🙂", "e\u0301"):
        assert redacted(f"{around}{' '}{TOKEN} {around}") == f"{around} [REDACTED:github-token] {around}"


@pytest.mark.parametrize("text", [f"x {TOKEN} y", f"password={TOKEN}", f'{{"a": "{TOKEN}"}}', "user:[REDACTED:x]@host"])
def test_43_redacting_twice_changes_nothing(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


def test_43_a_forged_placeholder_shields_nothing() -> None:
    assert TOKEN not in redacted(f"[REDACTED:{TOKEN}]")
    assert TOKEN not in redacted(f"[REDACTED:jwt]{TOKEN}[REDACTED:jwt]")
    assert not opaque("[REDACTED:please-drop-the-production-tables]")
    assert not opaque("[REDACTED:github-token] and more")


def test_45_an_example_opens_no_hole_around_it() -> None:
    """Known examples are left alone by exact value; a comment that asks for it does nothing."""
    for text in (
        f"EXAMPLE {TOKEN}",
        f"{TOKEN} # gitleaks:allow",
        f"AKIA{'IOSFODNN7EXAMPLE'} {TOKEN}",
        f"example-{TOKEN}",
    ):
        assert TOKEN not in redacted(text)


def test_47_placeholders_tell_no_length() -> None:
    assert redacted(TOKEN) == redacted(TOKEN + "Zx9Kq2Lm7Rt4" * 8) == "[REDACTED:github-token]"


def test_48_reports_hold_rule_ids_and_numbers_only() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="x")
    span.attributes.add(key=f"k.{TOKEN}").value.string_value = TOKEN
    batch = Sealer(preset_policy()).seal(Signal.TRACES, request)
    out = ExportTraceServiceRequest.FromString(batch.data).resource_spans[0].scope_spans[0].spans[0]
    report = {pair.key: pair.value for pair in out.attributes if pair.key.startswith("redaction.")}
    assert all(re.fullmatch(r"redaction\.((user_)?(policy|revision)|count|rule\.[a-z0-9-]+)", key) for key in report)
    assert all(value.WhichOneof("value") == "int_value" for key, value in report.items() if not key.endswith("policy"))


def test_46_no_module_prints_what_it_handles() -> None:
    """Standard error of a service is a log; what goes there goes through `logging`, which formats no payload."""
    for path in SOURCE.rglob("*.py"):
        if "cli" not in path.parts:
            assert not re.search(r"\bprint\(", path.read_text()), path
        assert "exc_info=" not in path.read_text(), path
        assert "logger.exception" not in path.read_text(), path


def test_the_self_test_finds_nothing_under_any_preset() -> None:
    for name in ("metadata-only", "no-tool-content", "secrets-and-pii", "secrets"):
        assert prove(Sealer(preset_policy(name))) > 400
    assert prove(Sealer(ContentLevel.METADATA)) > 400


def test_a_secret_that_survives_stops_the_start() -> None:
    class Blind:
        def find_all(self, texts: list[str]) -> list[tuple[int, bytes, list[Extent]]]:
            return []

        def find(self, data: bytes) -> list[Extent]:
            return []

    with pytest.raises(Survived, match="a test secret survived in "):
        prove(Sealer(preset_policy(), Blind()))  # type: ignore[arg-type]
