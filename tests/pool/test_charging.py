"""Keys whose limits have no room: the queue passes them over, and waits where none is left."""

import asyncio
import time
from typing import Any

import pytest

from proxyapp.pool.charging import MOST_TURNED_AWAY
from proxyapp.pool.probation import Recovery, Unit
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.wish import KeyWish, Turn
from proxyapp.provider.llm_tokens import NONE, LlmTokens
from tests.support.fake_quota import FakeQuota
from tests.support.snapshots import Picks, pool_of, snapshot

PRO = "gemini-2.5-pro"


class Sized:
    def __init__(self, llm_tokens: int) -> None:
        self.llm_tokens = llm_tokens
        self.asked = 0

    def input_llm_tokens(self) -> int:
        self.asked += 1
        return self.llm_tokens


class Gate:
    def __init__(self, pool: Snapshot, **fields: Any) -> None:
        self.pool = pool
        self.quota = FakeQuota(pool, **fields)
        self.recovery = Recovery(pool.past_refusals)
        self.queue = KeyQueue(Picks(pool), self.recovery, pool, self.quota)  # type: ignore[arg-type]
        self.quota.on_room = self.queue.look_again

    async def next(self, wish: KeyWish | None = None, **fields: Any) -> Turn | None:
        wish = wish or KeyWish(ALL_GROUPS, PRO, time.monotonic(), **fields)
        return self.queue.turn_now(wish) or await self.queue.next(wish)

    async def key(self, **fields: Any) -> int | None:
        turn = await self.next(**fields)
        return None if turn is None else turn.key.id


async def test_a_key_without_room_is_passed_over_by_this_request_and_the_next():
    gate = Gate(snapshot("aaa"), room={1: 0, 2: 0})

    assert [await gate.key(), await gate.key()] == [3, 3]
    assert gate.quota.asks == [1, 2, 3, 3]


async def test_what_is_idle_is_not_asked():
    gate = Gate(snapshot("aa"), is_idle=True)

    turn = await gate.next()
    assert turn is not None
    assert (turn.charge, gate.quota.asks) == (None, [])


@pytest.mark.parametrize(
    "fields", [{"tried": [1]}, {"only": [2, 3]}, {"tried": [1], "only": [1, 2, 3]}]
)
async def test_so_it_is_for_a_request_that_not_every_key_can_answer(fields: dict[str, Any]):
    gate = Gate(snapshot("aaa"), room={2: 0})

    assert await gate.key(**fields) == 3
    assert [charge.key_id for charge in gate.quota.charges] == [3]


async def test_keys_of_a_lower_priority_answer_when_the_first_have_no_room():
    gate = Gate(pool_of((0, 1, 2), (1, 1, 2)), room={1: 0, 2: 0, 3: 0})

    assert (await gate.key(), await gate.key(tried=[1])) == (4, 4)


async def test_a_key_on_probation_without_room_is_left_for_the_next_to_try_out():
    gate = Gate(snapshot("aa"), room={1: 0})
    unit = Unit(1, "")
    gate.recovery.past_refusals.returns(unit, time.time() - 1)

    assert await gate.key() == 2
    assert gate.recovery.begin_probe(unit)


async def test_a_request_that_is_too_large_for_a_key_leaves_it_to_others():
    gate = Gate(snapshot("aa"), most={1: 100})
    large, small = Sized(101), Sized(100)

    assert (await gate.key(request=large), await gate.key(request=small)) == (2, 1)
    assert (large.asked, small.asked) == (1, 1)


async def test_one_that_is_too_large_for_all_asks_no_more_of_them_than_it_may():
    gate = Gate(pool_of((0, 1, 1000)), most=dict.fromkeys(range(1, 1001), 5))

    assert await gate.key(request=Sized(6)) is None
    assert len(gate.quota.asks) <= 2 * MOST_TURNED_AWAY
    assert await gate.key(request=Sized(5))


async def test_shares_that_are_on_their_way_are_waited_for():
    gate = Gate(snapshot("a"), room={1: 0})
    gate.quota.coming = [int, lambda: gate.quota.give(1, 1)]

    assert await gate.key() == 1


async def test_a_share_that_another_process_gives_back_is_waited_for_without_a_queue():
    gate = Gate(snapshot("a"), room={1: 0}, until=time.time() + 0.3)
    waiting = asyncio.ensure_future(gate.next())
    await asyncio.sleep(0.05)
    gate.quota.room[1] = 1

    assert await asyncio.wait_for(waiting, 1.0)


async def test_a_hold_that_is_renewed_ends_the_patience():
    gate = Gate(snapshot("a"), room={1: 0}, until=time.time() + 0.1)
    waiting = asyncio.ensure_future(gate.next())
    await asyncio.sleep(0.05)
    gate.quota.until = time.time() + 60

    assert await asyncio.wait_for(waiting, 1.0) is None


async def test_without_a_queue_nobody_waits_for_a_limit():
    gate = Gate(snapshot("a"), room={1: 0})

    assert (await gate.key(), gate.quota.asks) == (None, [1])


async def test_who_waits_gets_the_place_of_one_that_ends(settings: Any):
    settings.QUEUE_SECONDS = 5.0
    gate = Gate(snapshot("a"), room={1: 1})
    first = await gate.next()
    assert first is not None
    assert first.charge is not None
    waiting = [asyncio.ensure_future(gate.next()) for _ in range(2)]
    await asyncio.sleep(0)

    first.charge.end(NONE)
    first.charge.settle(is_over=False)
    second = await asyncio.wait_for(waiting[0], 0.3)
    assert (second and second.key.id, waiting[1].done()) == (1, False)
    waiting[1].cancel()


async def test_a_place_that_ends_unheard_of_is_seen_soon(settings: Any):
    settings.QUEUE_SECONDS = 5.0
    gate = Gate(snapshot("a"), room={1: 0})
    gate.quota.on_room = bool
    waiting = asyncio.ensure_future(gate.next())
    await asyncio.sleep(0)
    gate.quota.give(1, 1)

    assert await asyncio.wait_for(waiting, 2.0)


async def test_a_wait_for_a_minute_that_is_longer_than_the_queue_does_not_begin(settings: Any):
    settings.QUEUE_SECONDS = 5.0
    gate = Gate(snapshot("a"), room={1: 0}, until=time.time() + 40)

    began = time.monotonic()
    assert await gate.key() is None
    assert time.monotonic() - began < 1.0


async def charged(gate: Gate, **fields: Any) -> Any:
    turn = await gate.next(**fields)
    assert turn is not None
    assert turn.charge is not None
    return turn.charge


async def test_of_two_answers_of_a_turn_the_last_one_counts_once():
    gate = Gate(snapshot("a"))
    charge = await charged(gate)

    charge.begin()
    charge.end(NONE)
    charge.begin()
    charge.settle(is_over=False)
    charge.end(LlmTokens(7, 1))
    charge.settle(is_over=False)
    charge.end(LlmTokens(8, 1))
    charge.settle(is_over=True)
    assert gate.quota.charges[0].ends == [(LlmTokens(7, 1), True)]


async def test_a_turn_that_was_never_sent_is_cancelled():
    gate = Gate(snapshot("aa"))
    left, unsent = await charged(gate), await charged(gate)

    left.settle(is_over=True)
    unsent.end(None)
    unsent.settle(is_over=False)
    assert [charge.ends for charge in gate.quota.charges] == [[None], [None]]


async def test_estimates_that_are_far_off_are_corrected_by_the_answers():
    gate = Gate(snapshot("a"))
    for _ in range(60):
        charge = await charged(gate, request=Sized(1000))
        charge.end(LlmTokens(3000, 5))
        charge.settle(is_over=False)

    assert gate.quota.charges[0].llm_tokens == 1000
    assert 2700 <= gate.quota.charges[-1].llm_tokens <= 3000
