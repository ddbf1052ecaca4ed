"""How long the page and the API take over a store of many sessions: `python tests/bench/page.py`.

Fills a store with sessions of turns (2 million spans by default, a few minutes), starts a collector on it, and asks
for every view and API call. Of each it prints the server's time: the processor time that the collector spent on an
answer (where the system tells it), and the wall time from the request to the last byte, the best and the median; on a
busy machine the wall says how busy it is. A line whose processor time (else whose median) is over the limit is marked,
and makes the exit code 1. `--keep DIRECTORY` keeps the store, or measures one kept before.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.process import Process
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import SealedBatch, Signal
from collector.redact.otlp.entries import entries, list_again
from collector.store.entries import Caps, Refusal
from collector.store.sqlite.store import SqliteStore

LIMIT_MS = 100.0
START_S = 1.5
_GIB = 1024**3
_TOOLS = ("bash", "read", "grep", "edit", "write", "glob", "task", "webfetch")
_MODELS = ("model-large", "model-small", "model-fast")
_DIRECTORIES = tuple(f"/home/someone/projects/project-{number}" for number in range(40))
_WORDS = ("parser", "token", "queue", "retry", "span", "store", "ledger", "policy", "turn", "session", "mask", "index")
_CALLS = 10_000
_LONG = {"ses_long_in_one_turn": "one turn", "ses_long_in_many": "500 turns"}
_NO_REFUSAL = Refusal(Signal.TRACES, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--spans", type=int, default=2_000_000)
    parser.add_argument("--times", type=int, default=15, help="each address is asked so often")
    parser.add_argument("--keep", type=Path, help="where the store stands, or is put")
    given = parser.parse_args()
    if given.keep is not None:
        sys.exit(run(given.keep, given.sessions, given.spans, given.times))
    with tempfile.TemporaryDirectory() as directory:
        sys.exit(run(Path(directory), given.sessions, given.spans, given.times))


def run(directory: Path, sessions: int, spans: int, times: int) -> int:
    if not (directory / "data").exists():
        fill(directory / "data", sessions, max(1, spans // sessions))
    began = time.perf_counter()
    process = Process(directory, COLLECTOR_MAX_STORE_BYTES=str(64 * _GIB))
    took = time.perf_counter() - began
    busy = spent_s(process.pid)
    failed = (took if busy is None else busy) > START_S
    print(f"{'':46} {'cpu':>8} {'best':>8} {'median':>8} {'bytes':>9}")
    _print("start until it listens", None if busy is None else busy * 1000, took * 1000, took * 1000, 0, failed)
    try:
        long = tuple(long_addresses(process))
        for name, path in (*addresses(process), *long):
            cpu, best, median, size = measured(process, path, times, afresh=(name, path) in long)
            over = (median if cpu is None else cpu) > LIMIT_MS and not name.startswith("file ")
            failed = failed or over
            _print(name, cpu, best, median, size, over)
    finally:
        process.stop(30)
    return int(failed)


def addresses(process: Process) -> Iterator[tuple[str, str]]:
    """Every view and API call, with an id that is kept."""
    session = process.get("/api/sessions?limit=1")[0]["session_id"]
    traces = process.get(f"/api/traces?session={session}&limit=2")
    trace, other = traces[0]["trace_id"], traces[1]["trace_id"]
    span = process.get(f"/api/spans?trace={trace}")[1]["span_id"]
    tool, model, directory = _TOOLS[3], _MODELS[1], _DIRECTORIES[7]
    for path in (
        "/", f"/?tool={tool}", f"/?model={model}", f"/?directory={directory}", "/?errors=1", "/?time=last+hour",
        f"/?tool={tool}&model={model}&errors=1", "/?agent=build", "/traces", "/logs", "/measurements", "/delivery",
        "/policy", "/search?text=ledger", "/search?text=turn+session+mask", "/search?text=nothingholdsthis",
    ):  # fmt: skip
        yield path, path
    for view in ("talk", "changed", "waterfall", "sent"):
        yield f"/sessions/ID?view={view}", f"/sessions/{session}?view={view}"
    yield "/traces/ID", f"/traces/{trace}"
    yield "/spans/TRACE/SPAN", f"/spans/{trace}/{span}"
    yield "/compare", f"/compare?a={trace}&b={other}"
    for form in ("markdown", "otlp-json", "html"):
        yield f"/sessions/ID/export?format={form}", f"/sessions/{session}/export?format={form}"
    yield "/traces/ID/markdown", f"/traces/{trace}/markdown"
    for path in ("/api/status", "/api/sessions", "/api/traces", "/api/spans", "/api/queue", "/api/dead-letters",
                 "/api/tail", "/healthz", "/readyz", "/metrics"):  # fmt: skip
        yield path, path
    yield "/api/traces?session=ID", f"/api/traces?session={session}"
    yield "/api/spans?session=ID", f"/api/spans?session={session}"
    yield "/api/spans?trace=ID", f"/api/spans?trace={trace}"
    yield "/api/spans/TRACE/SPAN", f"/api/spans/{trace}/{span}"
    yield "/api/deliveries/TRACE", f"/api/deliveries/{trace}"


def long_addresses(process: Process) -> Iterator[tuple[str, str]]:
    """Every view of a session of 10,000 calls, in one turn and in many; a file holds all of it, and has no limit."""
    for session, turns in _LONG.items():
        traces = process.get(f"/api/traces?session={session}&limit=2")
        if not traces:  # a store kept from before
            continue
        trace = traces[-1]["trace_id"]
        span = process.get(f"/api/spans?session={session}&limit=5000")[0]["span_id"]
        address, of = f"/sessions/{session}", f"{_CALLS:,} calls, {turns}:"
        for view in ("talk", "changed", "waterfall", "sent"):
            yield f"{of} {view}", f"{address}?view={view}"
        yield f"{of} part=2", f"{address}?part=2"
        yield f"{of} at=SPAN", f"{address}?at={span}"
        yield f"{of} rail", f"{address}/rail?turn=1"
        yield f"{of} trace", f"/traces/{trace}"
        yield f"{of} span", f"/spans/{trace}/{span}" if turns == "one turn" else f"/traces/{trace}/markdown"
        yield f"{of} Markdown of a turn", f"/traces/{trace}/markdown"
        yield f"{of} compare", f"/compare?a={traces[0]['trace_id']}&b={trace}"
        yield f"{of} /api/show", f"/api/show?session={session}"
        yield f"file {of} html", f"{address}/export?format=html"
        yield f"file {of} otlp-json", f"{address}/export?format=otlp-json"


def _print(name: str, cpu: float | None, best: float, median: float, size: int, over: bool) -> None:
    spent = "" if cpu is None else f"{cpu:.1f}"
    print(f"{name:46} {spent:>8} {best:8.1f} {median:8.1f} {size:9} {'OVER' if over else ''}", flush=True)


def spent_s(pid: int) -> float | None:
    """Seconds of processor time that a process has taken; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(
    process: Process, path: str, times: int, *, afresh: bool = False
) -> tuple[float | None, float, float, int]:
    """Of one answer: processor time (ms), best and median wall time (ms), and bytes.

    With `afresh` something else is kept before each, so that nothing that was remembered of the answer before is used;
    what keeping it costs is counted too.
    """
    taken: list[float] = []
    size = 0
    made = json.dumps(process.get("/api/test-trace")).encode()
    before = spent_s(process.pid)
    for _ in range(times):
        if afresh:
            process.post("/v1/traces", made, "application/json")
        asked = urllib.request.Request(process.url + path, headers={"x-collector-token": process.read_token})
        began = time.perf_counter()
        with urllib.request.urlopen(asked, timeout=60) as answer:
            size = len(answer.read())
        taken.append((time.perf_counter() - began) * 1000)
    after = spent_s(process.pid)
    cpu = None if before is None or after is None else (after - before) * 1000 / times
    return cpu, min(taken), statistics.median(taken), size


def fill(directory: Path, sessions: int, spans_of_each: int) -> None:
    """A store of `sessions`, each of turns of about twenty spans, put by the store itself."""
    directory.mkdir(parents=True, mode=0o700)
    dice = random.Random(4318)
    store = SqliteStore(directory, Caps(_GIB, 7 * 86400, 64 * _GIB), {"local": ()})
    began, now = time.perf_counter(), time.time_ns()
    try:
        waiting = []
        for number in range(sessions):
            at = now - (sessions - number) * 60_000_000_000
            waiting.append(store.put(_session(number, at, spans_of_each, dice), _NO_REFUSAL))
            if len(waiting) == 64:
                for future in waiting:
                    future.result(600)
                waiting.clear()
            if number % 1000 == 999:
                print(f"filled {number + 1} sessions, {time.perf_counter() - began:.0f} s", file=sys.stderr)
        at = now - (sessions + 10) * 60_000_000_000
        for session, turns in _LONG.items():
            size = _CALLS if turns == "one turn" else 20
            waiting.append(store.put(_session(sessions, at, _CALLS, dice, session=session, of_turn=size), _NO_REFUSAL))
        for future in waiting:
            future.result(600)
    finally:
        store.close()


def _session(
    number: int, at_ns: int, spans: int, dice: random.Random, *, session: str = "", of_turn: int = 20
) -> SealedBatch:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(_pair("service.name", "opencode"))
    scope = resource.scope_spans.add()
    session = session or f"ses_{number:06x}{dice.getrandbits(64):016x}"
    shared = {"session.id": session, "opencode.directory": dice.choice(_DIRECTORIES), "agent.name": "build"}
    left = spans
    while left > 0:
        size = min(left, of_turn)
        at_ns = _turn(scope.spans, session, shared, at_ns, size, dice)
        left -= size
    listed = entries(request, list_again(request))
    return SealedBatch(Signal.TRACES, request.SerializeToString(), spans, spans=listed)


def _turn(spans, session: str, shared: dict[str, str], at_ns: int, size: int, dice: random.Random) -> int:  # type: ignore[no-untyped-def]
    trace, root = dice.randbytes(16), dice.randbytes(8)
    start = at_ns
    for index in range(size - 1):
        is_call = index % 3 == 0
        values: dict[str, object] = dict(shared)
        if is_call:
            values |= {
                "openinference.span.kind": "LLM",
                "llm.model_name": dice.choice(_MODELS),
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.content": _text(dice, 30),
                "llm.token_count.prompt": 1000 + 200 * index,
                "llm.token_count.completion": 150,
                "llm.token_count.total": 1150 + 200 * index,
                "llm.cost.total": 0.003,
            }
        else:
            values |= {
                "openinference.span.kind": "TOOL",
                "tool.name": dice.choice(_TOOLS),
                "input.value": '{"command":"' + _text(dice, 6) + '"}',
                "output.value": _text(dice, 20),
            }
        took = dice.randrange(50, 4000) * 1_000_000
        span = spans.add(
            trace_id=trace, span_id=dice.randbytes(8), parent_span_id=root, name="call" if is_call else "tool",
            start_time_unix_nano=at_ns, end_time_unix_nano=at_ns + took,
        )  # fmt: skip
        if not is_call and dice.random() < 0.02:
            span.status.code = 2
            span.status.message = "exit 1"
        span.attributes.extend(_pair(key, value) for key, value in values.items())
        at_ns += took
    whole: dict[str, object] = {
        **shared, "openinference.span.kind": "AGENT", "input.value": _text(dice, 12), "output.value": _text(dice, 20),
        "opencode.session_title": f"{_text(dice, 4)} ({session[4:10]})",
    }  # fmt: skip
    top = spans.add(
        trace_id=trace, span_id=root, name="turn", start_time_unix_nano=start, end_time_unix_nano=at_ns,
        kind=Span.SPAN_KIND_INTERNAL,
    )  # fmt: skip
    top.attributes.extend(_pair(key, value) for key, value in whole.items())
    return at_ns


def _text(dice: random.Random, words: int) -> str:
    return " ".join(dice.choices(_WORDS, k=words))


def _pair(key: str, value: object) -> KeyValue:
    pair = KeyValue(key=key)
    if isinstance(value, int):
        pair.value.int_value = value
    elif isinstance(value, float):
        pair.value.double_value = value
    else:
        pair.value.string_value = str(value)
    return pair


if __name__ == "__main__":
    main()
