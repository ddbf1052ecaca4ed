"""Bodies of every door, and ways to damage them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence

import cramjam
import lz4.frame
import orjson
import zstandard

from collector.batch import Signal
from collector.otlp.write import to_json
from harness.opencode import recording, scenarios, v2_examples
from harness.telemetry import JSON, PROTOBUF, logs, metrics, traces

_REQUESTS = {
    Signal.TRACES: traces(2, {"input.value": "hello"}),
    Signal.LOGS: logs(2),
    Signal.METRICS: metrics(2),
}
BODIES = {
    (signal, kind): body
    for signal, request in _REQUESTS.items()
    for kind, body in ((PROTOBUF, request.SerializeToString()), (JSON, to_json(request)))
}
"""A whole export request of each signal in each encoding."""

LINES = [orjson.dumps(item) for item in [*v2_examples()[:40], *recording(scenarios()[0])[:40]]]
"""Events as they came from OpenCode."""

ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zlib": zlib.compress,
    "zstd": zstandard.compress,
    "snappy": lambda data: bytes(cramjam.snappy.compress_raw(data)),
    "x-snappy-framed": lambda data: bytes(cramjam.snappy.compress(data)),
    "lz4": lz4.frame.compress,
}
"""How a body is compressed for each content coding that is taken."""


def changed(body: bytes, changes: Sequence[tuple[int, bytes, int]]) -> bytes:
    """The body with bytes put in, and others left out, at some places."""
    for at, put, cut in changes:
        at %= len(body) + 1
        body = body[:at] + put + body[at + cut :]
    return body
