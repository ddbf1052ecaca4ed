"""Passages: attributes that many spans repeat, read once under a policy instead of in every span.

Each call to a model repeats the conversation before it, up to 2 MiB. A passage that was sealed by itself and came out
as it went in would do so in every span: only rules about the item it stands in could treat it otherwise, and under a
policy with such rules nothing is shared. A passage of which anything changes is read in each span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.batch import Beginning, ExportRequest, Passage, Passages, SealedBeginning, SealedRun, Signal
from collector.policy.model import ContentLevel, Place, Policy
from collector.redact.otlp.strings import Texts
from collector.redact.report import Tally

_AT_ONCE = 256
"""Passages that are read together: some hundred KiB of a conversation."""

Mask = Callable[[ExportTraceServiceRequest, Tally], Texts]


class PassageReader:
    """Knows which passages a policy leaves as they are."""

    def __init__(self, policy: Policy) -> None:
        self._most = policy.limits.max_attributes
        self._can_share = policy.level_of(Signal.TRACES) is ContentLevel.MASK and not any(
            rule.where.by_item
            for rule in policy.fields
            if Signal.TRACES in rule.where.signals and Place.ATTR in rule.places
        )

    def shared(
        self, request: ExportTraceServiceRequest, passages: Passages, mask: Mask
    ) -> dict[bytes, list[SealedBeginning]]:
        """What stands behind spans as it is, by their ids; what else `passages` hold is put into those of `request`.

        `mask` masks a request under the policy.
        """
        if self._can_share:
            self._read([each for those in passages.values() for each in those], mask)
        shared: dict[bytes, list[SealedBeginning]] = {}
        for span in _spans_of(request):
            those = passages.get(span.span_id, ())
            if not self._can_share or len(span.attributes) + sum([each.count for each in those]) > self._most:
                span.MergeFromString(b"".join([each.data() for each in those]))
                continue
            found = [each.run.sealed.beginning(each.length) for each in those]
            if clean := [each for each in found if len(each)]:
                shared[span.span_id] = clean
            changing = [data for each in those for data in each.run.sealed.changing_of(each.length)]
            if changing:
                span.MergeFromString(b"".join(changing))
        return shared

    def _read(self, beginnings: Iterable[Beginning], mask: Mask) -> None:
        """Read what was not read yet under this policy."""
        unread: list[tuple[_ReadRun, Passage]] = []
        for each in beginnings:
            run, length = each.run, each.length
            if run.sealed is None or run.sealed.reader is not self:
                run.sealed = _ReadRun(self)
            unread += [(run.sealed, passage) for passage in run.passages[run.sealed.begun : length]]
            run.sealed.begun = max(run.sealed.begun, length)
        for start in range(0, len(unread), _AT_ONCE):
            some = unread[start : start + _AT_ONCE]
            request = ExportTraceServiceRequest()
            spans = request.resource_spans.add().scope_spans.add().spans
            for _, passage in some:
                spans.add().MergeFromString(passage.data)
            texts = mask(request, Tally())
            for (read, passage), span, listed in zip(some, spans, texts.listed, strict=True):
                read.add(passage.data, is_clean=not listed and span.SerializeToString() == passage.data)


class _ReadRun:
    """A run as one reader read it: what stays as it is, and what changes in each span anew."""

    __slots__ = ("_changing", "_clean", "_clean_until", "begun", "reader")

    def __init__(self, reader: PassageReader) -> None:
        self.reader = reader
        self.begun = 0
        """How many of its passages are read, or are being read."""
        self._clean = SealedRun()
        self._clean_until = [0]
        """How many of the first passages stay, by how many these are."""
        self._changing: list[tuple[int, bytes]] = []

    def add(self, data: bytes, *, is_clean: bool) -> None:
        if is_clean:
            self._clean.append(data)
        else:
            self._changing.append((len(self._clean_until), data))
        self._clean_until.append(len(self._clean.parts))

    def beginning(self, length: int) -> SealedBeginning:
        return SealedBeginning(self._clean, self._clean_until[length])

    def changing_of(self, length: int) -> list[bytes]:
        return [data for number, data in self._changing if number <= length]


def put_back(request: ExportRequest, shared: dict[bytes, list[SealedBeginning]]) -> None:
    """Put all of `shared` into the spans of `request`, to be treated as these are."""
    for span in _spans_of(request) if shared and isinstance(request, ExportTraceServiceRequest) else ():
        for beginning in shared.pop(span.span_id, ()):
            span.MergeFromString(b"".join(beginning.parts))


def _spans_of(request: ExportTraceServiceRequest) -> Iterable[Span]:
    return (span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans)
