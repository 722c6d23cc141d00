"""Who gets a key when several wait for one: the line, without a server and without a database."""

import asyncio
import itertools
import time
from collections.abc import Collection
from typing import Any

import pytest

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Recovery, Unit
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.wish import KeyWish, Turn
from tests.support.lines_run import lines_run
from tests.support.snapshots import Picks, pool_of, snapshot

PRO = "gemini-2.5-pro"


class Lines:
    def __init__(self, pool: Snapshot) -> None:
        self.pool = pool
        self.recovery = Recovery(pool.past_refusals)
        self.queue = KeyQueue(Picks(pool), self.recovery, pool)  # type: ignore[arg-type]
        self.served: list[str] = []

    async def wait(self, name: str, arrived_at: float, quota_scope: str = PRO) -> Turn | None:
        turn = await self.queue.next(KeyWish(ALL_GROUPS, quota_scope, arrived_at))
        if turn:
            self.served.append(name)
        return turn


@pytest.fixture
def lines(settings: Any) -> Lines:
    """One key, which is out for the pro model for a fifth of a second."""
    settings.QUEUE_SECONDS = 5.0
    pool = snapshot("a")
    pool.cool(1, time.time() + 0.2, quota_scope=PRO)
    return Lines(pool)


async def test_those_who_wait_are_served_in_the_order_of_their_arrival(lines: Lines):
    now = time.monotonic()
    arrivals = {"third": now - 0.1, "first": now - 0.3, "fourth": now, "second": now - 0.2}

    await asyncio.gather(*(lines.wait(name, at) for name, at in arrivals.items()))

    assert lines.served == ["first", "second", "third", "fourth"]


async def test_one_who_leaves_lets_the_next_one_on(lines: Lines):
    leaving = asyncio.ensure_future(lines.wait("leaves", time.monotonic() - 1))
    staying = asyncio.ensure_future(lines.wait("stays", time.monotonic()))
    await asyncio.sleep(0)
    leaving.cancel()

    assert await asyncio.wait_for(staying, 3.0)
    assert lines.served == ["stays"]
    assert lines.queue._lines == {}


async def test_nobody_overtakes_the_line(lines: Lines):
    waiting = asyncio.ensure_future(lines.wait("early", time.monotonic()))
    await asyncio.sleep(0.05)

    assert await lines.wait("other model", time.monotonic(), "gemini-2.5-flash")
    await asyncio.gather(waiting, lines.wait("late", time.monotonic()))
    assert lines.served == ["other model", "early", "late"]


async def test_a_wait_that_cannot_end_in_time_does_not_begin(lines: Lines, settings: Any):
    settings.QUEUE_SECONDS = 0.1

    began = time.monotonic()
    assert await lines.wait("short", time.monotonic()) is None
    assert time.monotonic() - began < 0.1


async def test_a_change_of_the_pool_ends_the_wait(lines: Lines):
    lines.pool.cool(1, time.time() + 4.0, quota_scope=PRO)
    waiting = asyncio.ensure_future(lines.wait("waits", time.monotonic()))
    await asyncio.sleep(0.05)
    released = snapshot("a")
    lines.queue._leasing.pool = released  # type: ignore[attr-defined]
    lines.queue.install(released)

    assert await asyncio.wait_for(waiting, 1.0)


async def test_a_key_that_was_tried_is_not_given_again(lines: Lines):
    wish = KeyWish(ALL_GROUPS, "gemini-2.5-flash", time.monotonic(), tried={1})

    assert await lines.queue.next(wish, may_wait=False) is None
    assert not lines.queue.has_other(wish)


async def test_a_request_that_needs_the_key_on_trial_waits_for_the_trial(lines: Lines):
    unit = Unit(1, "")
    lines.recovery.past_refusals.returns(unit, time.time() - 1)
    probing = await lines.wait("probe", time.time(), "gemini-2.5-flash")
    second = asyncio.ensure_future(lines.wait("second", time.time(), "gemini-2.5-flash"))
    await asyncio.sleep(0.05)
    assert (probing and probing.probe, second.done()) == (unit, False)

    assert probing
    lines.recovery.succeeded(probing.key, "gemini-2.5-flash", time.time())

    assert await asyncio.wait_for(second, 1.0) == Turn(probing.key)


class Round:
    """Stands where the leases are: the keys in their order, one after the other."""

    def __init__(self, pool: Snapshot) -> None:
        self.keys = itertools.cycle(pool.keys.values())

    async def next_key(self, ring_name: str, quota_scope: str) -> PoolKey:
        return self.key_now(ring_name, quota_scope)

    def key_now(self, ring_name: str, quota_scope: str) -> PoolKey:
        return next(self.keys)


def rotating(statuses: str) -> Lines:
    lines = Lines(snapshot(statuses))
    lines.queue = KeyQueue(Round(lines.pool), lines.recovery, lines.pool)  # type: ignore[arg-type]
    return lines


async def picked(lines: Lines, times: int) -> set[int]:
    turns = [await lines.wait("", time.time()) for _ in range(times)]
    return {turn.key.id for turn in turns if turn}


async def test_a_key_that_is_asked_about_is_left_alone_where_there_is_another():
    lines = rotating("aaa")
    one = lines.pool.keys[1]

    with lines.recovery.trial(one):
        with lines.recovery.trial(one):
            assert await picked(lines, 6) == {2, 3}
        assert await picked(lines, 6) == {2, 3}

    assert await picked(lines, 3) == {1, 2, 3}
    assert lines.recovery.is_idle


async def test_the_only_key_is_used_at_once_while_it_is_asked_about():
    lines = rotating("a")

    with lines.recovery.trial(lines.pool.keys[1]):
        assert await asyncio.wait_for(picked(lines, 1), 1) == {1}


class Spending(Picks):
    """Goes round, and counts the turns that are spent."""

    def __init__(self, pool: Snapshot) -> None:
        super().__init__(pool)
        self.rotor = Rotor(pool.rings[ALL_GROUPS])
        self.turns = 0

    async def next_key(self, ring_name: str, quota_scope: str) -> PoolKey | None:
        return self.key_now(ring_name, quota_scope)

    def key_now(self, ring_name: str, quota_scope: str) -> PoolKey | None:
        self.turns += 1
        return self.rotor.pick_apart(quota_scope, time.time())

    def next_outside(
        self, ring_name: str, quota_scope: str, groups: Collection[int]
    ) -> PoolKey | None:
        return self.rotor.pick_outside(quota_scope, time.time(), groups)


def queue_of(pool: Snapshot) -> tuple[KeyQueue, Spending, Recovery]:
    picks, recovery = Spending(pool), Recovery(pool.past_refusals)
    return KeyQueue(picks, recovery, pool), picks, recovery  # type: ignore[arg-type]


async def next_ids(queue: KeyQueue, wish: KeyWish, times: int) -> list[int | None]:
    turns = [await queue.next(wish) for _ in range(times)]
    return [turn.key.id if turn else None for turn in turns]


async def test_a_group_that_fails_costs_one_step_however_many_keys_it_has():
    pool = pool_of((0, 1, 2_000), (0, 1, 3))
    queue, picks, _ = queue_of(pool)
    wish = KeyWish(ALL_GROUPS, "", 0.0, failed_groups={1})

    ids = await next_ids(queue, wish, 6)

    assert ids == [2_001, 2_002, 2_003] * 2
    assert picks.turns == 0
    assert queue.has_other(wish)
    assert lines_run(lambda: queue.has_other(wish)) < 40


async def test_the_keys_behind_a_group_that_fails_are_tried_out_one_request_at_a_time():
    pool = pool_of((0, 1, 50), (0, 1, 2))
    queue, _, recovery = queue_of(pool)
    past = time.time() - 1
    for key_id in (51, 52):
        recovery.past_refusals.returns(Unit(key_id, ""), past)
    recovery.begin_probe(Unit(51, ""))

    turn = await queue.next(KeyWish(ALL_GROUPS, "", 0.0, failed_groups={1}))

    assert turn == Turn(pool.keys[52], Unit(52, ""))


async def test_of_groups_that_all_fail_no_key_is_left():
    queue, picks, _ = queue_of(pool_of((0, 1, 5), (0, 1, 5)))
    wish = KeyWish(ALL_GROUPS, "", 0.0, failed_groups={1, 2})

    assert await queue.next(wish) is None
    assert (queue.has_other(wish), picks.turns) == (False, 0)


@pytest.mark.parametrize("size", [10, 10_000])
async def test_a_retry_looks_at_no_more_keys_in_a_large_pool(size: int):
    pool = pool_of((0, 1, size))
    queue, picks, _ = queue_of(pool)
    wish = KeyWish(ALL_GROUPS, "", 0.0, tried={1, 2})

    turn = await queue.next(wish)

    assert turn is not None
    assert turn.key.id not in wish.tried
    assert picks.turns <= 3
    assert lines_run(lambda: queue.has_other(wish)) < 40
