"""Parts of a collector that are made from its settings alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from collector.app.data_dir import DataDirectory
from collector.app.destinations import TighterSealers, new_destination
from collector.app.forwarding_task import ForwardingTask
from collector.app.policy_switch import Sealers
from collector.app.workers import Workers
from collector.batch import Signal
from collector.forward.forwarder import Forwarder
from collector.pipeline.otlp import Pipeline, Processed
from collector.pipeline.sift import Sieve
from collector.receive.exports import Exports
from collector.receive.quota import Quota
from collector.redact.seal import SealerSource
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper
from collector.settings.forwarding import ForwardingSettings
from collector.settings.model import Settings, store_url_of
from collector.settings.teams import destinations_of, reserved
from collector.store import Store
from collector.store.entries import Caps
from collector.store.open import open_store


def open_store_of(settings: Settings, data_dir: DataDirectory, forwarding: ForwardingSettings) -> Store:
    caps = Caps(settings.max_queue_bytes, settings.max_queue_days * 86400, settings.max_store_bytes)
    destinations = {each.name: each.signals for each in forwarding.destinations}
    return open_store(
        data_dir.path,
        caps,
        destinations,
        formerly=next(iter(destinations), ""),
        url=store_url_of(settings),
        reserved=reserved(settings, destinations),
    )


def new_forwarding_task(store: Store, forwarding: ForwardingSettings, sealers: Sealers) -> ForwardingTask:
    return ForwardingTask(new_forwarders(store, forwarding, sealers), lambda: store.sizes["queued_bytes"])


def new_forwarders(store: Store, forwarding: ForwardingSettings, sealers: Sealers) -> list[Forwarder]:
    """One for each destination; what a destination says is redacted before it is kept or told."""

    def redact(words: str) -> str:
        return sealers().text(words.encode("utf-8", "replace"))[0].decode("utf-8", "replace")

    wanted = [new_destination(each, sealers) for each in forwarding.destinations]
    return [Forwarder(store, each, store.instance, redact) for each in wanted]


def exports_of(
    settings: Settings,
    sealers: Sealers,
    store: Store,
    configured: Collection[str],
    kept: Callable[[Signal, Processed], None],
    workers: Workers,
) -> dict[str, Exports]:
    """What takes the export requests of each team by its name, and "" of those who have none.

    Teams share nothing but the store: a span is never completed by what another team sent, nor sealed under its policy.
    """
    most = settings.max_body_bytes
    own = workers.under(sealers)
    found = {"": Exports(_pipelines_of(settings, sealers, store), store, kept, most, sealing=own)}
    tighter: dict[str, SealerSource] = {"": sealers}
    for team in settings.team:
        if team.policy not in tighter:
            tighter[team.policy] = TighterSealers(team.policy, f"team {team.name}", sealers)
        pipelines = _pipelines_of(settings, tighter[team.policy], store, team.services)
        quota = Quota(team.requests_per_minute, team.bytes_per_minute)
        destinations = destinations_of(team, configured)
        sealing = workers.under(tighter[team.policy])
        found[team.name] = Exports(pipelines, store, kept, most, quota, destinations, sealing)
    return found


def _pipelines_of(
    settings: Settings, sealers: SealerSource, store: Store, services: Sequence[str] = ()
) -> Callable[[], Pipeline]:
    """Makes a pipeline for each thread; what they remember of log records they share."""
    join = LogJoin(time.monotonic)
    sieve = Sieve(store.inbox.knows, store.inbox.any_built, keep_internal=settings.keep_internal_spans)

    def new_pipeline() -> Pipeline:
        reshaper = Reshaper(settings.reshape_source_keys, vectors=settings.reshape_vectors, join=join, hold=True)
        return Pipeline(sealers, reshaper=reshaper, sift=sieve.sift, services=services)

    return new_pipeline
