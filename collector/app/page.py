"""The page of the running process, and what it asks beyond the status: a text tried under the policy, a test trace."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector import __version__
from collector.app.memory import settle_memory
from collector.app.policy_switch import Sealers
from collector.batch import Signal
from collector.settings.model import Settings
from collector.viewer.live import Live, QueueControl
from collector.viewer.test_trace import test_trace

if TYPE_CHECKING:
    from fastapi import FastAPI


def new_viewer(live: Live, control: QueueControl) -> FastAPI:
    """The page and its JSON; imports their framework."""
    from collector.viewer.api import new_api

    viewer = new_api(live, __version__, control)
    settle_memory()
    return viewer


def masked_by(sealers: Sealers) -> Callable[[str], str]:
    """Gives a text as it would leave as the `input.value` of a tool call, sealed like everything else."""

    def mask(text: str) -> str:
        request = ExportTraceServiceRequest()
        span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"\1" * 16, span_id=b"\1" * 8)
        span.attributes.add(key="openinference.span.kind").value.string_value = "TOOL"
        span.attributes.add(key="input.value").value.string_value = text
        sealed = ExportTraceServiceRequest.FromString(sealers().seal(Signal.TRACES, request).data)
        [kept] = [span for resource in sealed.resource_spans for scope in resource.scope_spans for span in scope.spans]
        return next((pair.value.string_value for pair in kept.attributes if pair.key == "input.value"), "")

    return mask


def test_traces(settings: Settings) -> Callable[[], dict[str, Any]]:
    """Makes a made-up turn each time it is called, of this collector's service and metadata."""
    return lambda: test_trace(
        os.urandom(16).hex(), time.time_ns(), settings.service_name, __version__, settings.additional_metadata
    )
