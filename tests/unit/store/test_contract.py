"""What every engine promises: it keeps what it said it kept, counts what it did, and throws nothing away unsaid."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from harness.long_sessions import turn_of_tools
from harness.store import HOST, LANE, MIB, Engine, account_of, seal, settle, until
from harness.telemetry import logs, span_ids, traces

from collector.batch import SealedBatch, Signal
from collector.errors import StoreFull, Unavailable
from collector.store import Reading, Store
from collector.store.entries import Caps, Hold, Lane, Refusal, SessionQuery, Settlement, SpanQuery, Then

NONE = Refusal(Signal.TRACES, {})
LOST_HOST = "gone.example:443"


def _batch(count: int = 1, session: str = "ses_1", size: int = 0) -> SealedBatch:
    return seal(traces(count, session=session, size=size))


def _put(store: Store, *batches: SealedBatch) -> None:
    for batch in batches:
        store.put(batch, NONE).result(5)


# ---- keeping


def test_a_batch_that_was_put_is_there_after_opening_again(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    batch = _batch(3)
    _put(store, batch)
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    assert [leased.data for leased in store.lease(LANE, MIB)] == [batch.data]
    store.close()


def test_a_signal_the_destination_does_not_take_is_counted_with_the_reason(store: Store, reading: Reading) -> None:
    store.put(seal(logs(4), Signal.LOGS), Refusal(Signal.LOGS, {})).result(5)
    assert account_of(reading, signal="logs")["dropped"] == {"destination takes traces only": 4}


def test_marks_of_a_batch_and_of_facts_are_kept_with_them(engine: Engine, tmp_path: Path) -> None:
    """By them what tells the same under other ids is known, after a restart too; spans left out are counted."""
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    marks = [bytes([number]) * 8 for number in range(1, 5)]
    assert not store.inbox.any_built(marks)
    _put(store, replace(_batch(), marks=(marks[0],)))
    store.inbox.keep([], {}, [marks[1]]).result(5)
    store.inbox.claim()
    store.inbox.keep_spans(None, [marks[2]], [], Refusal(Signal.TRACES, {"told before": 2})).result(5)
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    assert [store.inbox.any_built([marks[3], mark]) for mark in marks] == [True, True, True, False]
    store.close()
    account = account_of(engine.read(tmp_path))
    assert (account["received"], account["dropped"]) == (3, {"told before": 2})


def test_a_full_queue_refuses_and_keeps_what_it_has(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, Caps(10_000, 3600, 256 * MIB))
    _put(store, _batch(1, size=8000))
    assert asyncio.run(store.failure()) == ""
    with pytest.raises(StoreFull):
        _put(store, _batch(1, size=8000))
    assert "full" in asyncio.run(store.failure())  # readiness agrees with the posts
    reading = engine.read(tmp_path)
    assert account_of(reading)["received"] == 1
    settle(store, store.lease(LANE, MIB))
    assert asyncio.run(store.failure()) == ""
    _put(store, _batch(1, size=8000))
    reading.close()
    store.close()


@pytest.mark.parametrize("text", ["\0", "a\0b", '"', "*", "NEAR(", "-", "a AND", "'", ":*", "&", "\\", "(", "\u202e"])
def test_any_text_can_be_searched_for(reading: Reading, text: str) -> None:
    """No sign of an index's own language ends a search with an error."""
    assert reading.search(text) == []
    assert reading.sessions(SessionQuery(text=text, agent=text)) == []
    assert reading.spans(only=SpanQuery(text=text)) == []


def test_concurrent_puts_are_all_kept(store: Store, reading: Reading) -> None:
    def work() -> None:
        for _ in range(20):
            store.put(_batch(1), NONE).result(20)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account_of(reading)["received"] == 160


def test_after_closing_nothing_is_taken(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {})
    store.close()
    with pytest.raises(Unavailable):
        _put(store, _batch())


# ---- leasing


def test_a_range_is_leased_to_one_asker_until_it_is_released(store: Store) -> None:
    _put(store, _batch())
    leased = store.lease(LANE, MIB)
    assert store.lease(LANE, MIB) == []
    store.release(each.id for each in leased)
    assert store.lease(LANE, MIB) == leased


def test_a_range_leased_before_a_crash_is_offered_again(engine: Engine, tmp_path: Path) -> None:
    """Delivery is at least once: no answer seen means not delivered."""
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    _put(store, _batch())
    leased = store.lease(LANE, MIB)
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    assert store.lease(LANE, MIB) == leased
    store.close()


def test_batches_are_leased_oldest_first_and_up_to_the_bytes_asked_for(store: Store) -> None:
    batches = [_batch(1, size=1000) for _ in range(5)]
    _put(store, *batches)
    leased = store.lease(LANE, 3 * len(batches[0].data))
    assert [item.data for item in leased] == [batch.data for batch in batches[:3]]
    assert [item.data for item in store.lease(LANE, MIB)] == [batch.data for batch in batches[3:]]


def test_one_batch_is_leased_however_large(store: Store) -> None:
    _put(store, _batch(1, size=100_000))
    assert len(store.lease(LANE, 1)) == 1


def test_batches_that_came_through_other_collectors_are_not_mixed(store: Store) -> None:
    """Their hop header differs."""
    store.put(_batch(), NONE, hops="abc").result(5)
    store.put(_batch(), NONE).result(5)
    assert [item.hops for item in store.lease(LANE, MIB)] == ["abc"]


# ---- settling


def test_the_ledger_balances_at_every_step(store: Store, reading: Reading) -> None:
    for _ in range(4):
        store.put(_batch(10), Refusal(Signal.TRACES, {"invalid trace or span id": 2})).result(5)
    assert account_of(reading)["queued"] == 40
    first, second, third, _ = store.lease(LANE, MIB)
    settle(store, [first], dropped={"left out": 3})
    assert account_of(reading)["delivered"] == 7
    settle(store, [second], Then.DEAD, cause="HTTP 400")
    settle(store, [third], dropped={"no path": 10})
    assert account_of(reading) == {
        "received": 48,
        "delivered": 7,
        "queued": 10,
        "dead_lettered": 10,
        "dropped": {"invalid trace or span id": 8, "left out": 3, "no path": 10},
    }


def test_settling_twice_counts_once(store: Store, reading: Reading) -> None:
    _put(store, _batch(5))
    leased = store.lease(LANE, MIB)
    settle(store, leased)
    settle(store, leased)
    assert account_of(reading)["delivered"] == 5


def test_a_destination_cannot_leave_out_more_than_it_was_sent(store: Store, reading: Reading) -> None:
    _put(store, _batch(5))
    settle(store, store.lease(LANE, MIB), dropped={"left out": 999})
    assert account_of(reading)["dropped"] == {"left out": 5}


def test_a_range_is_halved_until_its_culprit_stands_alone(store: Store, reading: Reading) -> None:
    """The other items are delivered, and only the culprit is a dead letter."""
    request = traces(5)
    culprit = span_ids(request)[3]
    _put(store, seal(request))
    delivered: list[str] = []
    rounds = 0
    while leased := (store.lease(LANE, 1) or store.lease(LANE, 1, retries=True)):
        rounds += 1
        assert rounds < 20
        [each] = leased
        ids = span_ids(Signal.TRACES.request.FromString(each.data))[each.first : each.first + each.items]
        if culprit not in ids:
            delivered += ids
            settle(store, leased)
        else:
            settle(store, leased, Then.HALVE if each.items > 1 else Then.DEAD, cause="HTTP 400")
        account_of(reading)
    assert sorted([*delivered, culprit]) == sorted(span_ids(request))
    [letter] = reading.dead_letters()
    assert (letter.items, letter.cause) == (1, "HTTP 400")
    found = reading.dead_letter(letter.id)
    assert found is not None
    assert culprit in str(found[1])


def test_what_failed_is_due_again_after_its_pause_and_apart_from_what_is_new(engine: Engine, tmp_path: Path) -> None:
    now = [1000.0]
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, monotonic=lambda: now[0])
    _put(store, _batch())
    assert store.due_in(LANE) is None
    settle(store, store.lease(LANE, MIB), Then.RETRY, retry_in_s=30.0, cause="HTTP 502", suspicion=2, most_ranges=1)
    _put(store, _batch())
    assert store.lease(LANE, MIB, retries=True) == []
    assert store.due_in(LANE) == pytest.approx(30.0, abs=0.1)
    assert len(store.lease(LANE, MIB)) == 1
    now[0] += 31
    [again] = store.lease(LANE, MIB, retries=True)
    assert (again.attempts, again.suspicion, again.most_ranges) == (1, 2, 1)
    store.close()


def test_ranges_share_a_body_with_no_more_others_than_they_may(store: Store) -> None:
    _put(store, *(_batch() for _ in range(6)))
    settle(store, store.lease(LANE, MIB), Then.RETRY, most_ranges=3)
    assert [len(store.lease(LANE, MIB, retries=True)) for _ in range(3)] == [3, 3, 0]


def test_retry_state_and_holds_survive_a_restart(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    _put(store, _batch())
    settle(store, store.lease(LANE, MIB), Then.RETRY, cause="HTTP 502", suspicion=3, most_ranges=1, retry_in_s=0.0)
    store.hold(HOST, Hold(600, 4, "HTTP 503")).result(5)
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    held = store.held(HOST)
    assert held is not None
    assert (held.failures, held.cause) == (4, "HTTP 503")
    assert 590 < held.seconds <= 600
    assert store.lease(LANE, MIB, retries=True)[0].suspicion == 3
    store.hold(HOST, None).result(5)
    assert store.held(HOST) is None
    store.close()


# ---- several destinations, and those that are gone


def test_each_destination_has_a_queue_of_its_own(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {HOST: [Signal.TRACES], "other": [Signal.TRACES]})
    _put(store, _batch(3))
    settle(store, store.lease(LANE, MIB))
    reading = engine.read(tmp_path)
    assert account_of(reading)["queued"] == 0
    assert account_of(reading, "other")["queued"] == 3
    assert store.sizes["queued_bytes"] > 0
    reading.close()
    store.close()


def test_what_waits_for_a_destination_that_is_gone_is_held_moved_or_dropped_by_command(
    engine: Engine, tmp_path: Path
) -> None:
    store = engine.open(tmp_path, {LOST_HOST: [Signal.TRACES]})
    _put(store, _batch(2), _batch(3))
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]})
    reading = engine.read(tmp_path)
    assert store.lease(LANE, MIB) == []
    [held] = reading.queues([HOST])
    assert (held.destination, held.items, held.configured) == (LOST_HOST, 5, False)
    assert store.move_queue(LOST_HOST, HOST).result(5) == 5
    assert sum(each.items for each in store.lease(LANE, MIB)) == 5
    assert account_of(reading)["received"] == 5
    assert account_of(reading, LOST_HOST)["received"] == 0
    assert store.drop_queue(HOST).result(5) == 5
    assert account_of(reading)["dropped"] == {"dropped by command": 5}
    reading.close()
    store.close()


def test_what_moves_while_it_is_sent_counts_where_it_waits_then(engine: Engine, tmp_path: Path) -> None:
    """The first destination took it after all: it is sent to the other one too, and both accounts balance."""
    store = engine.open(tmp_path, {HOST: [Signal.TRACES], LOST_HOST: [Signal.TRACES]})
    reading = engine.read(tmp_path)
    store.put(_batch(2), NONE, destinations=[HOST]).result(5)
    store.put(_batch(3), NONE, destinations=[HOST]).result(5)
    store.put(_batch(4), NONE, destinations=[HOST]).result(5)
    taken, dead, again = (store.lease(LANE, 0)[0] for _ in range(3))
    assert store.move_queue(HOST, LOST_HOST).result(5) == 9
    settle(store, [taken])
    settle(store, [dead], Then.DEAD, cause="HTTP 400")
    settle(store, [again], Then.RETRY, retry_in_s=3600.0, cause="HTTP 500")
    assert (account_of(reading)["received"], account_of(reading)["delivered"]) == (0, 0)
    assert account_of(reading, LOST_HOST)["queued"] == 9
    assert sum(each.items for each in store.lease(Lane(LOST_HOST, Signal.TRACES), MIB)) == 9
    reading.close()
    store.close()


def test_signals_that_a_destination_does_not_take_are_not_moved_to_it(engine: Engine, tmp_path: Path) -> None:
    """There they would wait without end: no lane sends them."""
    store = engine.open(tmp_path, {LOST_HOST: list(Signal), HOST: [Signal.TRACES]})
    reading = engine.read(tmp_path)
    store.put(_batch(2), NONE, destinations=[LOST_HOST]).result(5)
    store.put(seal(logs(4), Signal.LOGS), Refusal(Signal.LOGS, {}), destinations=[LOST_HOST]).result(5)
    assert store.move_queue(LOST_HOST, HOST).result(5) == 2
    waits = {(each.destination, str(each.signal)): each.items for each in reading.queues([HOST, LOST_HOST])}
    assert waits == {(HOST, "traces"): 2, (LOST_HOST, "logs"): 4}
    reading.close()
    store.close()


def test_a_queue_of_a_destination_that_is_gone_does_not_fill_the_queue(engine: Engine, tmp_path: Path) -> None:
    caps = Caps(10_000, 3600, 256 * MIB)
    store = engine.open(tmp_path, {LOST_HOST: [Signal.TRACES]}, caps)
    _put(store, _batch(1, size=9000))
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, caps)
    _put(store, _batch(1, size=8000))
    store.close()


# ---- dead letters


def test_dead_letters_are_sent_again_or_dropped_by_command(store: Store, reading: Reading) -> None:
    _put(store, _batch(2), _batch(3))
    settle(store, store.lease(LANE, MIB), Then.DEAD, cause="HTTP 400")
    newest, oldest = reading.dead_letters()
    assert (newest.items, oldest.items) == (3, 2)
    assert store.retry_dead_letters([newest.id]).result(5) == 3
    assert account_of(reading)["queued"] == 3
    assert len(store.lease(LANE, MIB, retries=True)) == 1
    assert store.drop_dead_letters(None).result(5) == 2
    assert account_of(reading)["dropped"] == {"dropped by command": 2}
    assert reading.dead_letters() == []


# ---- age, by a clock that no wrong date can turn


def test_what_waited_too_long_is_dropped_and_counted(engine: Engine, tmp_path: Path) -> None:
    now = [0.0]
    caps = Caps(16 * MIB, 3600, 256 * MIB)
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, caps, monotonic=lambda: now[0])
    reading = engine.read(tmp_path)
    _put(store, _batch(2))
    now[0] += 3000
    _put(store, _batch(1))
    now[0] += 700
    until(lambda: account_of(reading)["queued"] == 1)
    assert account_of(reading)["dropped"] == {"not delivered in time": 2}
    reading.close()
    store.close()


def test_a_jump_of_the_wall_clock_drops_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop wakes eight days ahead; a board without a battery boots in 1970."""
    caps = Caps(16 * MIB, 3600, 256 * MIB)
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, caps)
    _put(store, _batch(2))
    store.close()
    for wall_ns in (2_000_000_000 * 10**9, 5 * 10**9):
        monkeypatch.setattr("time.time_ns", lambda wall_ns=wall_ns: wall_ns)
        monkeypatch.setattr("time.time", lambda wall_ns=wall_ns: wall_ns / 1e9)
        store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, caps)
        _put(store, _batch(1))
        reading = engine.read(tmp_path)
        assert account_of(reading)["dropped"] == {}
        reading.close()
        store.close()
    reading = engine.read(tmp_path)
    assert account_of(reading)["queued"] == 4
    reading.close()


# ---- room


def test_delivered_sessions_go_oldest_first_when_room_is_needed(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {}, Caps(16 * MIB, 3600, 4 * MIB))
    for session in ("old", "busy", "new"):
        _put(store, _batch(1, session, size=1_000_000))
    _put(store, _batch(1, "old", size=100))  # heard of again: now "busy" is the oldest
    _put(store, _batch(1, "last", size=1_000_000))
    reading = engine.read(tmp_path)
    until(lambda: {session.session_id for session in reading.sessions()} == {"old", "new", "last"})
    until(lambda: store.sizes["total_bytes"] <= 4 * MIB)
    reading.close()
    store.close()


def test_what_is_queued_is_not_forgotten_for_room(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, Caps(64 * MIB, 3600, 2 * MIB))
    _put(store, *(_batch(1, size=900_000) for _ in range(4)))
    reading = engine.read(tmp_path)
    leased = store.lease(LANE, 1)
    settle(store, leased, Then.DEAD, cause="HTTP 400")
    until(lambda: account_of(reading)["dead_lettered"] == 0)
    account = account_of(reading)
    assert account["queued"] == 3
    assert account["dropped"] == {"refused by the destination, then given up for room": 1}
    reading.close()
    store.close()


def test_what_waits_for_a_destination_that_is_gone_gives_way_last_but_dead_letters(
    engine: Engine, tmp_path: Path
) -> None:
    store = engine.open(tmp_path, {LOST_HOST: [Signal.TRACES]}, Caps(64 * MIB, 3600, 64 * MIB))
    _put(store, *(_batch(1, size=900_000) for _ in range(3)))
    store.close()
    store = engine.open(tmp_path, {HOST: [Signal.TRACES]}, Caps(64 * MIB, 3600, 2 * MIB))
    reading = engine.read(tmp_path)
    until(lambda: account_of(reading, LOST_HOST)["queued"] == 0)
    assert list(account_of(reading, LOST_HOST)["dropped"]) == [
        "waited for a destination that is no longer configured, given up for room"
    ]
    reading.close()
    store.close()


# ---- what is told of it


def test_a_span_that_is_sent_again_is_listed_and_summed_once(store: Store, reading: Reading) -> None:
    """A client that saw no answer sends the same spans again."""
    batch = _batch(2)
    _put(store, batch, batch)
    assert len(reading.spans()) == 2
    [session] = reading.sessions()
    assert (session.spans, session.traces) == (2, 1)
    [trace] = reading.traces()
    assert (trace.spans, trace.name) == (2, "span 0")


def test_spans_that_claim_to_end_at_the_end_of_time_are_listed(store: Store, reading: Reading) -> None:
    """A client with a broken clock hides nothing."""
    request = traces(2)
    for span in request.resource_spans[0].scope_spans[0].spans:
        span.start_time_unix_nano, span.end_time_unix_nano = 2**64 - 2, 2**64 - 1
    _put(store, seal(request))
    assert len(reading.sessions(SessionQuery())) == len(reading.traces()) == 1
    assert len(reading.spans()) == 2


def test_a_lane_of_another_signal_is_apart(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {HOST: list(Signal)})
    store.put(seal(logs(2), Signal.LOGS), Refusal(Signal.LOGS, {})).result(5)
    assert store.lease(LANE, MIB) == []
    assert [each.items for each in store.lease(Lane(HOST, Signal.LOGS), MIB)] == [2]
    store.close()


def test_no_item_is_leased_twice_while_ranges_are_halved_beside_it(store: Store) -> None:
    """A range that is settled between the look at the queue and the look at the leases must not be taken as it was."""
    _put(store, _batch(128))
    delivered: list[tuple[int, int]] = []
    wrong: list[BaseException] = []

    def forward() -> None:
        try:
            idle = 0
            while idle < 50:
                leased = [*store.lease(LANE, 1), *store.lease(LANE, 1, retries=True)]
                idle = 0 if leased else idle + 1
                for each in leased:
                    if each.items > 1:
                        store.settle(LANE, [Settlement(each.id, Then.HALVE, cause="too large")]).result(5)
                    else:
                        delivered.append((each.batch_id, each.first))
                        store.settle(LANE, [Settlement(each.id)]).result(5)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=forward) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert sorted(delivered) == [(delivered[0][0], first) for first in range(128)]


def test_forgetting_by_command_leaves_what_waits_and_the_ledger_as_it_was(store: Store, reading: Reading) -> None:
    _put(store, _batch(2, session="ses_delivered"))
    settle(store, store.lease(LANE, MIB))
    _put(store, _batch(3, session="ses_waits"))
    before = account_of(reading)
    forgotten = 0
    while items := store.forget_some().result(5):
        forgotten += items
    assert forgotten == 2
    assert [entry.session_id for entry in reading.sessions()] == ["ses_waits"]
    assert account_of(reading) == before
    assert sum(leased.items for leased in store.lease(LANE, MIB)) == 3


def test_a_search_may_be_of_some_sessions_only(store: Store, reading: Reading) -> None:
    for session, model in (("ses_1", "one"), ("ses_2", "two")):
        request = traces(1, {"input.value": "some needle", "llm.model_name": model}, session=session)
        _put(store, seal(request))
    until(lambda: len(reading.search("needle")) == 2)
    assert [hit.session_id for hit in reading.search("needle", only=SessionQuery(model="two"))] == ["ses_2"]
    assert [entry.session_id for entry in reading.sessions(SessionQuery(text="needle", model="one"))] == ["ses_1"]
    assert [entry.session_id for entry in reading.traces(only=SpanQuery(text="needle", model="two"))] == ["ses_2"]


@pytest.mark.parametrize("text", [" ", "\r", "\t\n"])
def test_a_text_of_blanks_asks_for_all(store: Store, reading: Reading, text: str) -> None:
    _put(store, _batch(1, session="ses_1"))
    assert [entry.session_id for entry in reading.sessions(SessionQuery(text=text))] == ["ses_1"]
    assert [entry.session_id for entry in reading.traces(only=SpanQuery(text=text))] == ["ses_1"]
    assert [entry.session_id for entry in reading.spans(only=SpanQuery(text=text))] == ["ses_1"]


def test_nothing_is_listed_from_before_the_first_moment(store: Store, reading: Reading) -> None:
    _put(store, _batch(1, session="ses_1"))
    assert reading.sessions(SessionQuery(before_ns=1)) == []
    assert reading.traces(only=SpanQuery(before_ns=1)) == reading.spans(only=SpanQuery(before_ns=1)) == []


def test_ids_are_found_by_a_part_of_them_a_whole_one_first(store: Store, reading: Reading) -> None:
    _put(store, _batch(1, session="ses_abc"), _batch(1, session="ses_abcdef"))
    assert [found.session_id for found in reading.find("ses_abc")] == ["ses_abc"]
    assert {found.session_id for found in reading.find("abc")} == {"ses_abc", "ses_abcdef"}
    [span] = reading.spans(session_id="ses_abc")
    [trace] = reading.find(span.trace_id[:10])
    assert (trace.trace_id, trace.span_id) == (span.trace_id, "")
    for short in (span.span_id[:8], f"{span.trace_id[:8]}/{span.span_id[:4]}"):
        assert [found.span_id for found in reading.find(short)] == [span.span_id]
    assert reading.find("*") == reading.find("ses_[a]") == reading.find("") == []


def test_reserved_destinations_get_what_is_put_for_them_by_name_and_the_others_all_else(
    engine: Engine, tmp_path: Path
) -> None:
    every = {HOST: [Signal.TRACES], "own": [Signal.TRACES]}
    store = engine.open(tmp_path, every, reserved=["own"])
    reading = engine.read(tmp_path)
    shared, owned = _batch(2), _batch(3)
    store.put(shared, NONE).result(5)
    store.put(owned, Refusal(Signal.TRACES, {"not wanted": 4}), destinations=["own"]).result(5)
    assert [leased.data for leased in store.lease(LANE, MIB)] == [shared.data]
    assert [leased.data for leased in store.lease(Lane("own", Signal.TRACES), MIB)] == [owned.data]
    assert account_of(reading)["received"] == 2
    account = account_of(reading, "own")
    assert (account["received"], account["queued"], account["dropped"]) == (7, 3, {"not wanted": 4})
    reading.close()
    store.close()


def test_what_no_destination_is_left_for_stays_here(engine: Engine, tmp_path: Path) -> None:
    store = engine.open(tmp_path, {"own": [Signal.TRACES]}, reserved=["own"])
    reading = engine.read(tmp_path)
    store.put(_batch(2), NONE).result(5)
    assert account_of(reading, "local")["delivered"] == 2
    assert "own" not in reading.ledger()
    reading.close()
    store.close()


def test_who_stops_waiting_for_an_answer_fails_nobody_else(store: Store, reading: Reading) -> None:
    """A request that is cancelled, or a forwarder that is paused, cancels the future it waits for."""
    given_up = [store.put(_batch(), NONE) for _ in range(50)]
    for future in given_up:
        future.cancel()
    _put(store, _batch())
    assert account_of(reading)["received"] == 51


def test_an_outline_tells_of_a_session_and_its_subagents_and_its_spans_are_read_alone(
    store: Store, reading: Reading
) -> None:
    """What a subagent did belongs to another session, and to the trace that the first one began."""
    turn = turn_of_tools(1, 5, "ses_outlined")
    inner = turn_of_tools(1, 7, "ses_subagent").resource_spans[0].scope_spans[0].spans
    turn.resource_spans[0].scope_spans[0].spans.extend(inner[6:])
    _put(store, seal(turn))
    version = reading.version()
    outlined = reading.outline("ses_outlined")
    assert len({span.span_id for span in outlined}) == len(outlined) == 8
    assert {span.kind for span in outlined} == {"AGENT", "TOOL"} and all(span.size > 0 for span in outlined)
    assert sorted(reading.outline(trace_id=f"{1:032x}")) == sorted(outlined)
    wanted = outlined[1:3]
    [request] = reading.requests_of(wanted)
    found = [s.span_id.hex() for r in request.resource_spans for sc in r.scope_spans for s in sc.spans]
    assert sorted(found) == sorted(span.span_id for span in wanted)
    assert reading.outline(trace_id=wanted[0].trace_id, span_id=wanted[0].span_id) == [wanted[0]]
    assert reading.outline("nobody") == [] == reading.outline(trace_id="nothing")
    assert version is None or version == reading.version()
    _put(store, seal(turn_of_tools(2, 1, "ses_other")))
    assert version is None or version != reading.version()
