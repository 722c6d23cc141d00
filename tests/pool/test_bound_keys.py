"""Requests that only some keys can answer: those of the project that made what they name."""

import asyncio
import time
from typing import Any

import pytest

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Recovery
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.wish import KeyWish, Turn
from tests.support.snapshots import Picks, snapshot

PRO = "gemini-2.5-pro"


class CountedPicks(Picks):
    picked = 0

    def key_now(self, ring_name: str, quota_scope: str) -> PoolKey | None:
        self.picked += 1
        return super().key_now(ring_name, quota_scope)


class Bound:
    def __init__(self, pool: Snapshot) -> None:
        self.pool = pool
        self.picks = CountedPicks(pool)
        self.queue = KeyQueue(self.picks, Recovery(pool.past_refusals), pool)  # type: ignore[arg-type]

    async def next(self, *only: int, tried: tuple[int, ...] = ()) -> int | None:
        wish = KeyWish(ALL_GROUPS, PRO, time.monotonic(), tried=tried, only=only)
        return key_id(self.queue.turn_now(wish) or await self.queue.next(wish))


def key_id(turn: Turn | None) -> int | None:
    return turn.key.id if turn else None


async def test_the_first_that_can_answers_every_time():
    bound = Bound(snapshot("aaaa"))

    assert [await bound.next(3, 1) for _ in range(3)] == [3, 3, 3]


async def test_the_next_of_the_project_answers_when_the_first_cannot():
    bound = Bound(snapshot("aaaa", cooling={3: time.time() + 60}))

    assert await bound.next(3, 1) == 1


async def test_what_was_tried_is_not_asked_again():
    assert await Bound(snapshot("aaaa")).next(3, 1, tried=(3,)) == 1


@pytest.mark.parametrize("statuses", ["aada", "aaia"])
async def test_no_other_key_stands_in(statuses: str):
    assert await Bound(snapshot(statuses)).next(3) is None


async def test_a_key_that_is_not_there_is_none():
    assert await Bound(snapshot("aaaa")).next(9) is None


async def test_a_bound_request_takes_no_turn_of_the_others():
    bound = Bound(snapshot("aaaa"))

    assert await bound.next(2) == 2
    assert bound.picks.picked == 0


async def test_who_waits_for_one_key_holds_up_nobody_else(settings: Any):
    settings.QUEUE_SECONDS = 5.0
    bound = Bound(snapshot("aaaa"))
    bound.pool.cool(3, time.time() + 0.2, quota_scope=PRO)
    waiting = asyncio.ensure_future(bound.next(3))
    await asyncio.sleep(0.05)

    assert await bound.next(4) == 4
    assert not waiting.done()
    assert await asyncio.wait_for(waiting, 3.0) == 3
