"""A change of the policy reaches every stage and everything that waits, before anything more is sent."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.telemetry import traces

from collector.app import policy_switch
from collector.app.policy_switch import PolicySwitch, Sealers
from collector.batch import Signal
from collector.enforce.in_force import Enforcement, InForce
from collector.enforce.request import PolicyRequest
from collector.errors import Unavailable
from collector.policy.model import Place
from collector.redact.early import EarlyText, Position
from collector.redact.ruleset import preset_policy
from collector.store.entries import Caps, Lane, Refusal
from collector.store.sqlite.store import SqliteStore

LOOSE, STRICT = (InForce(preset_policy(name), b"") for name in ("secrets", "metadata-only"))
CAPS = Caps(10**9, 10**6, 10**9)


class Forwarding:
    """Writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")


def test_each_thread_has_one_sealer_of_the_policy_in_force_and_all_share_one_engine() -> None:
    sealers = Sealers(LOOSE)
    with ThreadPoolExecutor(1) as other:
        mine, theirs = sealers(), other.submit(sealers).result()
        assert mine is sealers()
        assert theirs is other.submit(sealers).result()
        assert mine is not theirs
        assert mine.engine is theirs.engine
        sealers.use(STRICT)
        assert sealers().fingerprint == other.submit(sealers).result().fingerprint == STRICT.policy.fingerprint()


def test_a_batch_is_sealed_again_only_under_another_policy() -> None:
    sealers = Sealers(LOOSE)
    batch = sealers().seal(Signal.TRACES, traces(1, {"input.value": "what was asked"}))
    assert sealers.again(batch) is batch
    sealers.use(STRICT)
    again = sealers.again(batch)
    assert again.policy == STRICT.policy.fingerprint()
    assert b"what was asked" in batch.data
    assert b"what was asked" not in again.data


def test_a_policy_that_was_read_again_and_is_the_same_changes_no_sealer() -> None:
    """What they remember of texts that they read would be read anew each minute, and takes memory twice."""
    sealers = Sealers(LOOSE)
    before = sealers()
    again = InForce(preset_policy("secrets"), b"")
    sealers.use(again)
    assert sealers() is before
    assert sealers.in_force is again
    sealers.use(STRICT)
    assert sealers() is not before


def test_a_sealer_that_nobody_asks_any_more_is_let_go_with_all_it_remembers() -> None:
    """Garbage is looked for seldom: what refers to itself would stay for hours."""
    sealers = Sealers(LOOSE)
    gc.disable()
    try:
        sealers().seal(Signal.TRACES, traces(3, {"input.value": "please remember me"}))
        early = sealers().early("opencode")
        early.seal([EarlyText("remembered too", early.place((Position("LLM", Place.ATTR, "input.value"),)))], [])
        held = [weakref.ref(each) for each in (sealers(), sealers()._masker, sealers()._masker._known)]
        del early
        sealers.use(STRICT)
        sealers()
        assert [each() for each in held] == [None, None, None]
    finally:
        gc.enable()


def run_until(switch: PolicySwitch, done: Callable[[], bool]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            task = asyncio.create_task(switch.keep_in_force())
            while not done() and not task.done():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(main())


def test_a_changed_policy_file_seals_what_waits_before_forwarding_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_switch, "_LOOK_SECONDS", 0.02)
    file = tmp_path / "policy.toml"
    file.write_text('schema = 1\nname = "mine"\nmode = "mask"\n')
    enforcement = Enforcement(PolicyRequest(str(file), "--policy"), tmp_path, tmp_path / "machine")
    sealers = Sealers(enforcement.load(0))
    store = SqliteStore(tmp_path, CAPS, {"upstream": (Signal.TRACES,)})
    forwarding = Forwarding()
    switch = PolicySwitch(enforcement, sealers, store, forwarding)
    run_until(switch, lambda: forwarding.asked == ["resume"])
    batch = sealers().seal(Signal.TRACES, traces(1, {"input.value": "please remember me"}))
    store.put(batch, Refusal(Signal.TRACES, {})).result()
    file.write_text('schema = 1\nname = "mine"\nmode = "metadata"\n')
    run_until(switch, lambda: forwarding.asked[-2:] == ["pause", "resume"])
    [waiting] = store.lease(Lane("upstream", Signal.TRACES), 10**6)
    assert b"remember" not in waiting.data
    store.close()


def test_a_policy_file_that_is_wrong_changes_nothing_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_switch, "_LOOK_SECONDS", 0.02)
    file = tmp_path / "policy.toml"
    file.write_text('schema = 1\nname = "mine"\nmode = "metadata"\n')
    enforcement = Enforcement(PolicyRequest(str(file), "--policy"), tmp_path, tmp_path / "machine")
    sealers = Sealers(enforcement.load(0))
    before = sealers.in_force.policy.fingerprint()
    store = SqliteStore(tmp_path, CAPS, {})
    switch = PolicySwitch(enforcement, sealers, store, Forwarding())
    file.write_text("mode = 7")
    run_until(switch, lambda: bool(switch.notices))
    assert "what held before holds" in switch.notices[0]
    assert sealers.in_force.policy.fingerprint() == before
    store.close()


def test_a_store_that_fails_while_a_policy_is_put_in_force_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the first failure ended forwarding until the next start."""

    class FailsOnce(SqliteStore):
        failed = False

        def adopt(self, policy: str) -> Future[list[int]]:
            if not self.failed:
                self.failed = True
                raise Unavailable("the disk is full")
            return super().adopt(policy)

    monkeypatch.setattr(policy_switch, "_RETRY_SECONDS", 0.02)
    enforcement = Enforcement(PolicyRequest("secrets", "--policy"), tmp_path, tmp_path / "machine")
    forwarding = Forwarding()
    store = FailsOnce(tmp_path, CAPS, {})
    switch = PolicySwitch(enforcement, Sealers(enforcement.load(0)), store, forwarding)
    run_until(switch, lambda: forwarding.asked == ["resume"])
    assert store.failed
    store.close()
