"""Parts of a collector that are made from its settings alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from collector.app.data_dir import DataDirectory
from collector.app.destinations import new_destination
from collector.app.forwarding_task import ForwardingTask
from collector.app.policy_switch import Sealers
from collector.forward.forwarder import Forwarder
from collector.pipeline.otlp import Pipeline
from collector.pipeline.sift import Sieve, ToldSessions
from collector.reshape.join import LogJoin
from collector.reshape.stage import Reshaper
from collector.settings.forwarding import ForwardingSettings
from collector.settings.model import Settings, store_url_of
from collector.store import Store
from collector.store.entries import Caps
from collector.store.open import open_store


def open_store_of(settings: Settings, data_dir: DataDirectory, forwarding: ForwardingSettings) -> Store:
    caps = Caps(settings.max_queue_bytes, settings.max_queue_days * 86400, settings.max_store_bytes)
    destinations = {each.name: each.signals for each in forwarding.destinations}
    return open_store(
        data_dir.path, caps, destinations, formerly=next(iter(destinations), ""), url=store_url_of(settings)
    )


def new_forwarding_task(store: Store, forwarding: ForwardingSettings, sealers: Sealers) -> ForwardingTask:
    return ForwardingTask(new_forwarders(store, forwarding, sealers), lambda: store.sizes["queued_bytes"])


def new_forwarders(store: Store, forwarding: ForwardingSettings, sealers: Sealers) -> list[Forwarder]:
    """One for each destination; what a destination says is redacted before it is kept or told."""

    def redact(words: str) -> str:
        return sealers().text(words.encode("utf-8", "replace"))[0].decode("utf-8", "replace")

    wanted = [new_destination(each, sealers) for each in forwarding.destinations]
    return [Forwarder(store, each, store.instance, redact) for each in wanted]


def pipelines_of(settings: Settings, sealers: Sealers, store: Store, told: ToldSessions) -> Callable[[], Pipeline]:
    """Makes a pipeline for each thread; what they remember of log records they share."""
    join = LogJoin(time.monotonic)
    sieve = Sieve(store.inbox.knows, told, keep_internal=settings.keep_internal_spans)

    def new_pipeline() -> Pipeline:
        reshaper = Reshaper(settings.reshape_source_keys, vectors=settings.reshape_vectors, join=join, hold=True)
        return Pipeline(sealers, reshaper=reshaper, sift=sieve.sift)

    return new_pipeline
