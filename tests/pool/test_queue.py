"""Who gets a key when several wait for one: the line, without a server and without a database."""

import asyncio
import itertools
import time
from typing import Any

import pytest

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Recovery, Unit
from proxyapp.pool.queue import KeyQueue, KeyWish, Turn
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from tests.support.snapshots import Picks, snapshot

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
