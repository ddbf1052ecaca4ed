"""The entry: one function for both encodings."""

from __future__ import annotations

from dataclasses import dataclass

from collector.batch import ExportRequest, Signal
from collector.otlp.json_reader import read_json
from collector.otlp.left_out import LeftOut
from collector.otlp.protobuf_reader import read_protobuf
from collector.otlp.valid import drop_invalid

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A readable request, and what was left out of it."""

    request: ExportRequest
    left_out: LeftOut


def decode(signal: Signal, body: bytes, content_type: str) -> Decoded:
    """Read `body` as an export request of `signal`.

    Items with invalid ids or unreadable fields are left out and counted in `left_out`.
    Raises `BadRequest` when nothing can be read; the message names the place, never the content.
    """
    left_out = LeftOut()
    read = read_json if content_type == JSON else read_protobuf
    request = read(signal, body, left_out)
    drop_invalid(request, left_out)
    return Decoded(request, left_out)
