"""What collectors that share a database promise each other: each item leaves once, one assembles, none holds up all."""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from harness.postgres import own_server, server
from harness.store import HOST, LANE, MIB, account_of, seal, settle, until
from harness.telemetry import span_ids, traces

from collector.batch import SealedBatch, Signal
from collector.errors import ConfigError, Unavailable
from collector.openinference.session_ids import listed_session
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer
from collector.store.entries import Caps, EndedTurn, NoStore, Refusal, Settlement, SpanQuery, Superseded, Then
from collector.store.postgres import queue
from collector.store.postgres.migrations import STEPS, VERSION
from collector.store.postgres.reading import PostgresReading
from collector.store.postgres.store import PostgresStore
from collector.store.postgres.texts import match_of, snippet_of

pytestmark = pytest.mark.slow  # needs a server

NONE = Refusal(Signal.TRACES, {})
CAPS = Caps(64 * MIB, 86400, 256 * MIB)


@pytest.fixture
def url() -> str:
    return server().new_schema()


def opened(url: str) -> PostgresStore:
    return PostgresStore(url, CAPS, {HOST: [Signal.TRACES]})


@pytest.fixture
def pair(url: str) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Two collectors on one database."""
    first, second = opened(url), opened(url)
    yield first, second
    first.close()
    second.close()


@pytest.fixture
def reading(pair: object, url: str) -> Iterator[PostgresReading]:
    made = PostgresReading(url)
    yield made
    made.close()


Pair = tuple[PostgresStore, PostgresStore]


def batch(count: int = 1, session: str = "ses_1", size: int = 0) -> SealedBatch:
    return seal(traces(count, session=session, size=size))


def put(store: PostgresStore, *batches: SealedBatch) -> None:
    for each in batches:
        store.put(each, NONE).result(60)


# ---- leases


def test_no_range_is_leased_to_two_collectors(pair: Pair, reading: PostgresReading) -> None:
    put(pair[0], *(batch(2) for _ in range(300)))
    taken: list[int] = []
    lock = threading.Lock()

    def forward(store: PostgresStore) -> None:
        while leased := store.lease(LANE, 4000):
            with lock:
                taken.extend(each.id for each in leased)
            settle(store, leased)

    threads = [threading.Thread(target=forward, args=(store,)) for store in (*pair, *pair)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(taken) == len(set(taken)) == 300
    assert account_of(reading)["delivered"] == 600


def test_what_a_dead_collector_had_leased_is_due_for_another(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot give its leases back: they end by themselves."""
    first, second = pair
    put(first, batch())
    monkeypatch.setattr(queue, "LEASE_S", 1)
    leased = first.lease(LANE, MIB)
    assert second.lease(LANE, MIB) == []
    first._forget_leases([each.id for each in leased])  # what makes them last is gone
    until(lambda: bool(second.lease(LANE, MIB)), 60)


def test_the_leases_of_a_collector_that_lives_last(pair: Pair) -> None:
    first, second = pair
    put(first, batch())
    [leased] = first.lease(LANE, MIB)
    query = f"SELECT leased_until::text FROM outbox WHERE id = {leased.id}"
    [(before,)] = first._asking.rows(query)
    until(lambda: first._asking.rows(query)[0][0] > before, 60)
    assert second.lease(LANE, MIB) == []


def test_a_lease_whose_answer_was_lost_ends_by_itself(pair: Pair, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row was written, then the connection broke: nobody sends it, so nobody may make it last."""
    first, second = pair
    put(first, batch())
    take = queue.take

    def taken_in_vain(*given: Any, **options: Any) -> list[tuple[Any, ...]]:
        rows = take(*given, **options)
        if rows:
            end_connections(url)
        return rows

    monkeypatch.setattr(queue, "take", taken_in_vain)
    monkeypatch.setattr(queue, "LEASE_S", 1)
    assert first.lease(LANE, MIB) == []
    assert first.held_leases() == []
    monkeypatch.setattr(queue, "take", take)
    until(lambda: bool(second.lease(LANE, MIB)), 60)


def test_a_late_answer_counts_once_and_takes_nothing_from_the_next_holder(
    pair: Pair, reading: PostgresReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    put(first, batch(4))
    monkeypatch.setattr(queue, "LEASE_S", 0)
    late = first.lease(LANE, MIB)
    monkeypatch.undo()
    [leased] = second.lease(LANE, MIB)
    settle(first, late, Then.RETRY, cause="HTTP 503", retry_in_s=600)
    settle(first, late, Then.DEAD, cause="HTTP 400")
    assert account_of(reading)["queued"] == 4
    settle(second, [leased])
    settle(first, late)
    assert account_of(reading)["delivered"] == 4
    assert reading.dead_letters() == []


def test_another_collector_hears_that_something_waits(pair: Pair) -> None:
    heard = threading.Event()
    pair[1].follow(heard.set)
    heard.clear()
    put(pair[0], batch())
    assert heard.wait(60)


def test_a_collector_sends_only_what_was_sealed_under_its_own_policy(pair: Pair) -> None:
    """Policies change at one collector before the other: what that one still seals is not sent under a newer policy."""
    old, new = Sealer(preset_policy("secrets-and-pii")), Sealer(preset_policy("metadata-only"))
    first, second = pair
    first.adopt(old.fingerprint).result(60)
    second.adopt(new.fingerprint).result(60)
    put(first, old.seal(Signal.TRACES, traces(1)))
    assert second.lease(LANE, MIB) == []
    assert second.due_in(LANE) is None
    assert len(first.lease(LANE, MIB)) == 1


# ---- who assembles


class Fact(NamedTuple):
    session: str
    key: str
    data: bytes
    message: str = "msg_1"
    at: int = 1
    order: int = 1


def test_one_collector_assembles_until_it_is_gone(pair: Pair) -> None:
    first, second = pair
    term = first.inbox.claim()
    assert term
    assert first.inbox.claim() == term
    assert second.inbox.claim() == 0
    first.close()
    until(lambda: second.inbox.claim() > 0, 60)


def test_the_one_that_assembles_gets_what_others_keep_however_transactions_overlap(pair: Pair, url: str) -> None:
    """A number of its own would pass over what is committed after something that began later."""
    first, second = pair
    assert first.inbox.claim()
    with psycopg.connect(url) as slow:
        slow.execute("INSERT INTO inbox VALUES ('ses_1', 'slow', '', 1, 1, 1, DEFAULT, 0, 'slow')")
        second.inbox.keep([Fact("ses_1", "quick", b"quick")], {}).result(60)
        arrived: list[bytes] = []

        def has(data: bytes) -> bool:
            arrived.extend(first.inbox.arrived())
            return data in arrived

        until(lambda: has(b"quick"), 60)
        slow.commit()
    until(lambda: has(b"slow"), 60)
    first.inbox.keep([Fact("ses_1", "own", b"own")], {}).result(60)
    second.inbox.keep([Fact("ses_1", "last", b"last")], {}).result(60)
    until(lambda: has(b"last"), 60)
    assert sorted(arrived) == [b"last", b"quick", b"slow"]  # each once, and nothing of its own


def test_who_lost_the_claim_writes_nothing_more(pair: Pair, reading: PostgresReading, url: str) -> None:
    """Its connection broke: another collector may have told the same turn meanwhile."""
    first, second = pair
    assert first.inbox.claim()
    end_connections(url, "pg_locks.locktype = 'advisory'")
    until(lambda: second.inbox.claim() > 0, 60)
    until(lambda: asyncio.run(first.failure()) == "", 60)
    ended = EndedTurn("ses_1", ("msg_1",), 1, (), b"{}")
    with pytest.raises((Superseded, Unavailable)):
        first.inbox.keep_spans(batch(), [b"\1" * 8], [ended]).result(60)
    assert reading.spans() == []
    assert not second.inbox.was_built(b"\1" * 8)


def end_connections(url: str, which: str = "true") -> None:
    """Break connections of collectors, as a restart of the server or a failover does."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = (
            "SELECT DISTINCT pg_terminate_backend(a.pid, 10000) FROM pg_stat_activity a"
            " LEFT JOIN pg_locks ON pg_locks.pid = a.pid WHERE a.application_name = 'opencode-collector' AND "
        )
        connection.execute((query + which).encode())


# ---- connections that are lost


def test_lost_connections_are_opened_again_and_cost_nothing_that_was_kept(url: str) -> None:
    store, reading = opened(url), PostgresReading(url)
    put(store, batch(3))
    leased = store.lease(LANE, MIB)
    end_connections(url)
    settle(store, leased)
    put(store, batch(2))
    assert account_of(reading)["delivered"] == 3
    assert account_of(reading)["queued"] == 2
    assert len(store.lease(LANE, MIB)) == 1
    reading.close()
    store.close()


def test_while_the_server_is_down_posts_are_refused_and_answers_are_remembered() -> None:
    """A refused post is made again by its sender; what a destination took must not be sent twice for it."""
    with own_server("fsync=off") as own:
        store = opened(own.url())
        put(store, batch(3), batch(1))
        leased = store.lease(LANE, 1)
        own.stop()
        with pytest.raises(Unavailable) as refused:
            put(store, batch())
        assert 0 < refused.value.retry_after <= 10
        assert "cannot be reached" in asyncio.run(store.failure())
        settled = store.settle(LANE, [Settlement(each.id) for each in leased])
        own.start()
        settled.result(60)
        until(lambda: asyncio.run(store.failure()) == "", 60)
        reading = PostgresReading(own.url())
        assert account_of(reading) == {"received": 4, "delivered": 3, "queued": 1, "dead_lettered": 0, "dropped": {}}
        put(store, batch())
        reading.close()
        store.close()


def test_a_database_that_is_not_there_gets_one_clear_line_without_the_password() -> None:
    password = "".join(("se", "same", str(random.randrange(10**6))))
    with pytest.raises(ConfigError) as refused:
        opened(f"postgresql://collector:{password}@127.0.0.1:1/none?connect_timeout=2")
    assert "127.0.0.1/none" in str(refused.value)
    assert password not in str(refused.value)
    with pytest.raises(ConfigError) as unreadable:
        opened(f"postgresql://collector:{password}@[127.0.0.1:1/none")
    assert password not in str(unreadable.value)


# ---- what columns take


def test_text_that_no_column_takes_is_kept_and_found(pair: Pair, reading: PostgresReading) -> None:
    """U+0000 stands in no text column, and an index row holds no kilobytes; the batch itself is kept as it is."""
    session = "ses_" + "x" * 5000
    request = traces(1, session=session)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.name = "a\0b"
    for key in ("llm.model_name", "tool.name"):
        span.attributes.add(key=key).value.string_value = "m" * 5000
    sealed = seal(request)
    put(pair[0], sealed)
    listed = listed_session(session)
    [found] = reading.spans(session_id=listed)
    assert found.name == "a\ufffdb"
    assert reading.spans(only=SpanQuery(model="m" * 5000)) == [found]
    [kept] = reading.requests(session_id=listed)
    assert kept.SerializeToString() == sealed.data
    until(lambda: len(reading.search("a")) == 1, 60)
    fact = Fact(session, "k\0", b"{}", message="m\0", at=2**70, order=-(2**70))
    pair[0].inbox.keep([fact], {}).result(60)
    assert pair[1].inbox.facts(session) == [b"{}"]


def test_one_that_cannot_be_written_fails_none_that_wait_with_it(url: str) -> None:
    store = opened(url)
    gate = threading.Event()
    store._writer.submit(lambda _: gate.wait(60))
    good = [store.put(batch(), NONE) for _ in range(3)]
    bad = store._writer.submit(lambda transaction: transaction.rows("SELECT 1 / 0"))
    gate.set()
    with pytest.raises(Unavailable):
        bad.result(60)
    for each in good:
        each.result(60)
    assert asyncio.run(store.failure()) == ""
    store.close()


# ---- lists


def test_sums_are_right_when_collectors_list_the_same_traces_at_once(pair: Pair, reading: PostgresReading) -> None:
    """A client that saw no answer sends the same spans again, to another collector; sums count each once."""
    requests = [traces(4, session=f"ses_{number % 3}") for number in range(12)]
    batches = [seal(request) for request in requests]

    def work(store: PostgresStore, seed: int) -> None:
        chance = random.Random(seed)
        for each in [store.put(each, NONE) for each in chance.sample(batches, len(batches)) * 3]:
            each.result(120)

    threads = [threading.Thread(target=work, args=(pair[number % 2], number)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    ids = {span for request in requests for span in span_ids(request)}
    assert len(reading.spans(limit=1000)) == len(ids)
    assert {entry.session_id: (entry.spans, entry.traces) for entry in reading.sessions()} == {
        f"ses_{number}": (16, 4) for number in range(3)
    }
    assert [trace.spans for trace in reading.traces()] == [4] * 12


def test_what_is_searched_is_found_by_words_and_by_the_beginning_of_the_last() -> None:
    assert match_of("Crème brûlée") == "('creme') & ('brulee':*)"
    assert match_of("src/app.py ") == "('src' <-> 'app' <-> 'py')"
    assert match_of("'); --") == ""
    text = "one two " * 20 + "Crème brûlée, please"
    assert "\x02Crème\x03 \x02brûlée\x03, please" in snippet_of(text, "creme bru")


# ---- tables


def test_tables_of_another_program_or_a_later_version_are_refused_and_left_alone(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE meta (theirs int)")
    with pytest.raises(ConfigError, match="another program"):
        opened(url)
    later = server().new_schema()
    opened(later).close()
    with psycopg.connect(later) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
    with pytest.raises(ConfigError, match="another version"):
        opened(later)
    with pytest.raises(NoStore):
        PostgresReading(later)
    with pytest.raises(NoStore):
        PostgresReading(server().new_schema())


def test_collectors_that_start_together_make_the_tables_once(url: str) -> None:
    made: list[PostgresStore] = []
    threads = [threading.Thread(target=lambda: made.append(opened(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({store.instance for store in made}) == 1
    assert len(made) == 4
    for store in made:
        store.close()
    assert len(STEPS) == VERSION


def test_after_closing_no_connection_is_left(url: str) -> None:
    store = opened(f"{url}&application_name=closing")
    put(store, batch())
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closing'"
    assert server().query("postgres", query) != [(0,)]
    store.close()
    until(lambda: server().query("postgres", query) == [(0,)], 60)


def test_a_role_that_only_reads_and_writes_is_enough() -> None:
    """The statements are those of the documentation."""
    page = (Path(__file__).parents[3] / "docs" / "postgres.md").read_text(encoding="utf-8")
    whole, within = re.findall(r"```sql\n(.*?)```", page, re.S)
    with own_server("fsync=off") as own:
        for statement in whole.split(";")[:-1]:
            own.query("postgres", statement)
        own.query("collector", within)
        owner, role = (own.url("collector", user=user) for user in ("collector_owner", "collector"))
        with pytest.raises(ConfigError, match="permission denied"):
            opened(role)
        opened(owner).close()
        store, reading = opened(role), PostgresReading(role)
        put(store, batch(2, size=100))
        settle(store, store.lease(LANE, MIB))
        until(lambda: len(reading.search("word")) == 2, 60)
        store.inbox.keep([Fact("ses_1", "key", b"{}")], {"1:odd": 1}).result(60)
        assert store.inbox.claim()
        store.inbox.keep_spans(batch(), [b"\1" * 8], [EndedTurn("ses_1", ("msg_1",), 1, (), b"{}")]).result(60)
        assert account_of(reading)["delivered"] == 2
        with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(role) as connection:
            connection.execute("DROP TABLE inbox")
        reading.close()
        store.close()
