"""Destinations made from their settings: their tokens, what of a request each gets, and under which tighter policy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.app.policy_switch import Sealers
from collector.batch import count_items
from collector.enforce.in_force import InForce, named_layers
from collector.enums import Signal, SpanFormat
from collector.forward.body import BodyLimits, Refine
from collector.forward.destination import MOST_BYTES, MOST_PLAIN_BYTES, Destination, Tls
from collector.forward.token_fetching import (
    ClientCredentials,
    from_authorization_server,
    from_command,
    from_keyring,
)
from collector.forward.tokens import BasicToken, Fetched, FetchedToken, FileToken, FixedToken, TokenSource
from collector.openinference.gen_ai import write_format
from collector.otlp.selection import Selection, keep_selected
from collector.redact.seal import Sealer
from collector.settings.destination_tables import FilterTable
from collector.settings.destinations import DestinationSettings, TokenSettings

FILTERED = "left out by the destination's filter"
TIGHTENED = "left out by the destination's policy"

_MERGE_BYTES = 2 * 1024 * 1024


def new_destination(settings: DestinationSettings, sealers: Sealers) -> Destination:
    """A destination that nothing was sent to yet; raises `ConfigError` when its policy cannot be used."""
    source = token_source_of(settings.token, settings.tls.ca_file)
    return destination_of(settings, source, _refine(settings, sealers))


def destination_of(settings: DestinationSettings, source: TokenSource, refine: Refine | None = None) -> Destination:
    """The same with the token of `source`, and with what of a request it gets."""
    return Destination(
        name=settings.name,
        urls=settings.urls,
        token=BasicToken(source) if settings.token_scheme.lower() == "basic" else source,
        signals=settings.signals,
        encoding=settings.encoding,
        gzip=settings.gzip,
        headers=settings.headers,
        token_header=settings.token_header,
        token_scheme=settings.token_scheme,
        limits=BodyLimits(settings.batch.most_bytes or MOST_BYTES, MOST_PLAIN_BYTES),
        merge_bytes=settings.batch.merge_bytes or _MERGE_BYTES,
        refine=refine,
        tls=Tls(
            ca_file=settings.tls.ca_file,
            certificate=settings.tls.certificate_file,
            key=settings.tls.key_file,
            verify=not settings.tls.dangerously_skip_verification,
        ),
    )


def token_source_of(settings: TokenSettings, ca_file: Path | None) -> TokenSource:
    """Where a token comes from, as its settings say; `ca_file` is what an authorization server must be signed by."""
    fetch: Callable[[], Fetched]
    if settings.file is not None:
        return FileToken(settings.file)
    if (command := settings.command) is not None:
        fetch = lambda: from_command(command, settings.timeout_s)  # noqa: E731
    elif (keyring := settings.keyring) is not None:
        fetch = lambda: from_keyring(keyring.service, keyring.user)  # noqa: E731
    elif (oauth2 := settings.oauth2) is not None:
        credentials = ClientCredentials(
            oauth2.token_url, oauth2.client_id, oauth2.client_secret, oauth2.scope, oauth2.audience, ca_file
        )
        fetch = lambda: from_authorization_server(credentials)  # noqa: E731
    else:
        return FixedToken(settings.value)
    return FetchedToken(fetch, settings.ttl_s)


def _refine(settings: DestinationSettings, sealers: Sealers) -> Refine | None:
    """What of a request the destination gets, and by which keys; None when it gets all of it as it is kept."""
    chosen, wanted = _choose(settings, sealers), settings.format
    if wanted is SpanFormat.OPENINFERENCE:
        return chosen

    def refine(signal: Signal, data: bytes) -> tuple[bytes, Mapping[str, int]]:
        kept, left_out = chosen(signal, data) if chosen is not None else (data, {})
        if signal is not Signal.TRACES or not kept:
            return kept, left_out
        request = ExportTraceServiceRequest.FromString(kept)
        write_format(request, wanted)
        return request.SerializeToString(), left_out

    return refine


def _choose(settings: DestinationSettings, sealers: Sealers) -> Refine | None:
    only, never = selection_of(settings.only), [selection_of(each) for each in settings.never]
    tighter = TighterSealers(settings.policy, f"destination {settings.name}", sealers) if settings.policy else None
    if only.is_empty and not never and tighter is None:
        return None

    def refine(signal: Signal, data: bytes) -> tuple[bytes, Mapping[str, int]]:
        request = signal.request.FromString(data)
        kept, filtered = keep_selected(request, only, never)
        items = count_items(kept)
        if tighter is None or not items:
            return (kept.SerializeToString() if items else b""), ({FILTERED: filtered} if filtered else {})
        batch = tighter().reseal(signal, kept.SerializeToString())
        left_out = {FILTERED: filtered, TIGHTENED: items - batch.items}
        return (batch.data if batch.items else b""), {reason: number for reason, number in left_out.items() if number}

    return refine


def selection_of(table: FilterTable) -> Selection:
    """What a filter's table chooses; each of its lists counts."""
    return Selection(
        services=tuple(table.service),
        sessions=tuple(table.session),
        kinds=tuple(table.kind),
        attributes={key: tuple(patterns) for key, patterns in table.attribute.items()},
    )


class TighterSealers:
    """Sealers of the policy in force with a destination's or a team's beside it, which can only take away more.

    One for each thread; a change of the policy in force changes them too. What they seal counts as sealed under the
    policy in force: it holds no more than that would leave. Raises `ConfigError` for a policy that cannot be used.
    """

    def __init__(self, policy: str, whose: str, sealers: Sealers) -> None:
        self._layers = named_layers(policy, f"policy of {whose}:")
        self._sealers = sealers
        self._threads = threading.local()
        self._made: tuple[InForce, InForce] | None = None
        self._tightened()

    def __call__(self) -> Sealer:
        made = self._tightened()
        held: tuple[object, Sealer] | None = getattr(self._threads, "held", None)
        if held is None or held[0] is not made:
            in_force, tightened = made
            held = self._threads.held = (made, tightened.sealer(fingerprint=in_force.policy.fingerprint()))
        return held[1]

    def _tightened(self) -> tuple[InForce, InForce]:
        """The policy in force, and what the layers make of it."""
        in_force, made = self._sealers.in_force, self._made
        if made is None or made[0] is not in_force:
            made = self._made = (in_force, in_force.tightened_by(self._layers))
        return made
