"""How many unknown names are looked for, and what is remembered of those that nobody has."""

import asyncio

import pytest

from proxyapp.resources import seeks as seeks_module
from proxyapp.resources.seeks import (
    COST_OF_MODEL,
    MINUTE_SECONDS,
    MOST_AT_ONCE,
    MOST_COST,
    MOST_OF_CLIENT,
    VAIN_SECONDS,
    Seeks,
)
from proxyapp.vocabulary.errors import LimitReached

ONE, OTHER = 1, 2
NAMES = ("files/a",)


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(seeks_module, "time", clock)
    return clock


async def test_what_was_looked_for_in_vain_is_known_for_a_while_and_to_that_client(clock: Clock):
    seeks = Seeks()
    seeks.note_vain(ONE, NAMES, [7], 404)
    seeks.note_vain(ONE, NAMES, [8], 403)

    vain = seeks.vain(ONE, NAMES)
    assert vain is not None
    assert (vain.key_ids, vain.status) == ((7, 8), 403)
    assert seeks.vain(OTHER, NAMES) is None
    assert seeks.vain(ONE, ("files/b",)) is None
    clock.now += VAIN_SECONDS
    assert seeks.vain(ONE, NAMES) is None


async def test_it_is_believed_no_longer_for_being_asked_again(clock: Clock):
    seeks = Seeks()
    seeks.note_vain(ONE, NAMES, [7], 404)
    clock.now += VAIN_SECONDS - 1
    seeks.note_vain(ONE, NAMES, [8], 404)
    clock.now += 1

    assert seeks.vain(ONE, NAMES) is None


async def test_only_so_many_names_are_kept(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seeks_module, "MOST_VAIN", 2)
    seeks = Seeks()
    for number in range(3):
        seeks.note_vain(ONE, (f"files/{number}",), [7], 404)

    assert [seeks.vain(ONE, (f"files/{number}",)) is None for number in range(3)] == [1, 0, 0]


async def test_who_has_looked_for_much_in_vain_waits_until_the_minute_is_over(clock: Clock):
    seeks = Seeks()
    for _ in range(MOST_COST // COST_OF_MODEL):
        seeks.spend(ONE, COST_OF_MODEL)
    clock.now += 20

    with pytest.raises(LimitReached) as raised:
        seeks.spend(ONE, 1)
    assert (raised.value.status, raised.value.retry_after) == (429, 40)
    with pytest.raises(LimitReached):
        async with seeks.turn(ONE):
            pass
    async with seeks.turn(OTHER):
        pass
    clock.now += MINUTE_SECONDS - 20
    async with seeks.turn(ONE):
        seeks.spend(ONE, 1)


async def test_what_was_found_costs_nothing(clock: Clock):
    seeks = Seeks()
    for _ in range(MOST_COST):
        seeks.spend(ONE, COST_OF_MODEL)
        seeks.give_back(ONE, COST_OF_MODEL)

    async with seeks.turn(ONE) as is_late:
        assert not is_late


class Looking:
    """Tasks that look for something until they are let go."""

    def __init__(self, seeks: Seeks) -> None:
        self.seeks = seeks
        self.running = 0
        self.most = 0
        self.late = 0
        self.let_go = asyncio.Event()

    async def look(self, client_id: int) -> None:
        async with self.seeks.turn(client_id) as is_late:
            self.running += 1
            self.most = max(self.most, self.running)
            self.late += is_late
            await self.let_go.wait()
            self.running -= 1


async def test_a_client_looks_for_a_few_at_a_time_and_all_together_for_some():
    looking = Looking(Seeks())
    own = [asyncio.create_task(looking.look(ONE)) for _ in range(MOST_OF_CLIENT + 3)]
    await asyncio.sleep(0)
    others = [
        asyncio.create_task(looking.look(client))
        for client in range(2, 9)
        for _ in range(MOST_OF_CLIENT)
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    assert looking.running == MOST_AT_ONCE

    looking.let_go.set()
    await asyncio.gather(*own, *others)
    assert (looking.running, looking.most) == (0, MOST_AT_ONCE)
    assert looking.late >= 3


async def test_who_waits_too_long_is_told_and_who_leaves_takes_no_turn(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(seeks_module, "WAIT_SECONDS", 0.05)
    looking = Looking(Seeks())
    tasks = [asyncio.create_task(looking.look(ONE)) for _ in range(MOST_OF_CLIENT)]
    await asyncio.sleep(0)

    with pytest.raises(LimitReached):
        await looking.look(ONE)
    leaving = asyncio.create_task(looking.look(ONE))
    await asyncio.sleep(0)
    leaving.cancel()
    looking.let_go.set()
    await asyncio.gather(*tasks)
    await asyncio.gather(*(looking.look(ONE) for _ in range(MOST_OF_CLIENT)))
    assert looking.running == 0
