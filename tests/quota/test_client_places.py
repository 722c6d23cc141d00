"""So many requests of a client token are under way at a time, over all processes."""

import asyncio
import contextlib
import time
from typing import Any

import pytest

from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.snapshot import build
from proxyapp.quota.client_places import ClientPlaces, RequestPlace
from proxyapp.vocabulary.errors import LimitReached
from tests.support.shares_in_memory import SharesInMemory, SimulatedProcess, SomeLimits


class Process:
    def __init__(self, shares: SharesInMemory) -> None:
        empty = build(1, [], [], Cooldowns())
        self.shares = SimulatedProcess(shares, empty, SomeLimits({}), time.time)
        self.places = ClientPlaces(self.shares.keeper)

    async def take(self, most: int = 1, client: int = 7) -> RequestPlace:
        return await self.places.take(client, most)


@pytest.fixture
def process() -> Process:
    return Process(SharesInMemory())


async def test_so_many_have_a_place_and_the_next_is_told_so(process: Process):
    for _ in range(2):
        await process.take(2)
    await process.take(2, client=8)

    with pytest.raises(LimitReached) as caught:
        await process.take(2)
    assert (caught.value.status, caught.value.retry_after) == (429, 1)
    assert "2 requests under way" in caught.value.message


async def test_a_place_ends_once(process: Process):
    first, _ = await process.take(2), await process.take(2)
    first.end()
    first.end()

    assert await process.take(2)
    with pytest.raises(LimitReached):
        await process.take(2)


async def test_who_waits_gets_a_place_in_order_of_arrival(process: Process, settings: Any):
    settings.QUEUE_SECONDS = 5.0
    place, served = await process.take(), []

    async def wait(name: str) -> None:
        held = await process.take()
        served.append(name)
        held.end()

    waiting = [asyncio.ensure_future(wait(name)) for name in ("first", "leaves", "third")]
    await asyncio.sleep(0)
    waiting[1].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting[1]
    place.end()
    late = asyncio.ensure_future(wait("late"))
    await asyncio.wait_for(asyncio.gather(waiting[0], waiting[2], late), 2.0)

    assert served == ["first", "third", "late"]
    assert process.places._lines == {}


async def test_a_limit_that_is_lowered_holds_for_the_next(process: Process):
    places = [await process.take(3) for _ in range(2)]

    with pytest.raises(LimitReached):
        await process.take(1)
    for place in places:
        place.end()
    assert await process.take(1)
    with pytest.raises(LimitReached):
        await process.take(1)


async def test_what_another_process_does_not_use_is_waited_for():
    shares = SharesInMemory()
    one, two = Process(shares), Process(shares)
    (await one.take(1)).end()
    assert one.shares.keeper.accounts

    taking = asyncio.ensure_future(two.take(1))
    await asyncio.sleep(0.05)
    assert not taking.done()
    one.shares.look()
    place = await asyncio.wait_for(taking, 3.0)

    with pytest.raises(LimitReached):
        await one.take(1)
    place.end()


async def test_two_processes_together_never_have_more():
    shares = SharesInMemory()
    processes = [Process(shares), Process(shares)]
    under_way = most = 0

    async def ask(number: int) -> None:
        nonlocal under_way, most
        try:
            place = await processes[number % 2].take(3)
        except LimitReached:
            return
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        place.end()
        for process in processes:
            process.shares.look()

    await asyncio.gather(*(ask(number) for number in range(40)))
    assert most == 3
