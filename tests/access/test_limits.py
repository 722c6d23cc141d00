"""Limits of client tokens are exact over all processes, and never wait for the database."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import OperationalError

from proxyapp.access import limits as limits_module
from proxyapp.access.limit_windows import give_back, lease_share, llm_tokens_of_day, window_at
from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import Client, TokenBook, token_hash
from proxyapp.models import ClientToken, TokenUsage, TokenWindow
from proxyapp.vocabulary.errors import LimitReached
from tests.support.pool_data import NOW

SECONDS = NOW.timestamp()
MINUTE = window_at(1, 60, SECONDS)


class Windows:
    """The database of several processes, in memory: what `limit_windows` does."""

    def __init__(self) -> None:
        self.granted: dict[Any, int] = {}
        self.leases: list[int] = []
        self.stored: dict[int, int] = {}
        self.is_away = False
        self.is_stuck = False

    async def urgent(self, work: Any) -> int:
        await asyncio.sleep(3600 if self.is_stuck else 0)
        if self.is_away:
            raise OperationalError
        place, limit, wanted, owed = work.args
        before = self.granted.get(place, 0) + owed
        count: int = min(wanted, max(limit - before, 0))
        self.granted[place] = before + count
        self.leases.append(count)
        return count

    async def read(self, work: Any) -> dict[int, int]:
        return self.stored

    def take_back(self, limits: ClientLimits, **everything: bool) -> None:
        for place, count in limits.leftovers(**everything):
            self.granted[place] -= count


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def windows() -> Windows:
    return Windows()


def process(windows: Any, client: Client | None = None) -> ClientLimits:
    limits = ClientLimits(windows)
    if client:
        limits.install(TokenBook([(token_hash("t", "s"), client)], ["s"]))
    return limits


async def passed(limits: ClientLimits, client: Client, times: int) -> int:
    """How many of so many requests at once."""
    results = await asyncio.gather(
        *(limits.take(client) for _ in range(times)), return_exceptions=True
    )
    assert {type(result) for result in results} <= {type(None), LimitReached}
    return results.count(None)


async def refusal(limits: ClientLimits, client: Client) -> LimitReached:
    with pytest.raises(LimitReached) as refused:
        await limits.take(client)
    return refused.value


@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
async def test_two_processes_let_exactly_so_many_pass(windows, limit):
    client = Client(id=1, requests_per_minute=limit)
    one, two = process(windows), process(windows)

    counts = await asyncio.gather(*(passed(each, client, limit // 2 + 5) for each in (one, two)))

    assert sum(counts) == sum(windows.granted.values()) == limit


async def test_many_at_once_share_one_lease(windows):
    assert await passed(process(windows), Client(id=1, requests_per_minute=1000), 200) == 200
    assert windows.leases == [200]


async def test_what_a_process_does_not_use_another_gets(windows, clock):
    client = Client(id=1, requests_per_day=100)
    one, two = process(windows), process(windows)
    await one.take(client)  # of a block of five
    assert await passed(two, client, 100) == 95
    assert (await refusal(two, client)).status == 429

    windows.take_back(one)
    assert one.has_leftovers, "it was used only now"
    windows.take_back(one)
    clock.shift(0.5)

    assert await passed(two, client, 100) == 4
    assert not one.has_leftovers


async def test_a_process_that_ends_gives_everything_back(windows):
    client = Client(id=1, requests_per_day=100)
    one = process(windows)
    await one.take(client)
    windows.take_back(one, everything=True)
    assert list(windows.granted.values()) == [1]


async def test_the_next_minute_is_a_new_one(windows, clock):
    client = Client(id=1, requests_per_minute=3)
    limits = process(windows)
    assert await passed(limits, client, 5) == 3
    clock.shift(60)
    assert await passed(limits, client, 5) == 3


async def test_the_refusal_says_which_limit_it_is_and_when_it_ends(windows):
    minute = await used_up(windows, Client(id=1, requests_per_minute=1))
    day = await used_up(windows, Client(id=1, requests_per_day=1))

    assert "1 requests a minute" in minute.message
    assert (minute.retry_after, minute.is_worth_trying) == (60, True)
    assert "1 requests a day" in day.message
    assert (day.retry_after, day.is_worth_trying) == (20 * 3600 + 12 * 60, False)


async def used_up(windows: Windows, client: Client) -> LimitReached:
    limits = process(windows)
    await limits.take(client)
    return await refusal(limits, client)


async def test_what_the_minute_refuses_does_not_cost_the_day(windows):
    client = Client(id=1, requests_per_minute=1, requests_per_day=10)
    limits = process(windows)
    assert await passed(limits, client, 20) == 1
    windows.take_back(limits, everything=True)
    assert windows.granted[window_at(1, 86_400, SECONDS)] == 1


async def test_a_refusal_asks_the_database_twice_a_second_at_most(windows, clock):
    client = Client(id=1, requests_per_minute=1)
    limits = process(windows)
    await passed(limits, client, 1)
    for _ in range(50):
        await refusal(limits, client)
    assert len(windows.leases) == 2


async def test_without_a_database_a_process_counts_alone(windows):
    windows.is_away = True
    assert await passed(process(windows), Client(id=1, requests_per_minute=30), 50) == 30


async def test_what_a_process_let_pass_alone_counts_when_the_database_is_back(windows, clock):
    client = Client(id=1, requests_per_day=100)
    one, two = process(windows), process(windows)
    windows.is_away = True
    assert await passed(one, client, 93) == 93  # in blocks of five, or of as many as wait
    for _ in range(3):
        windows.take_back(one)
    with pytest.raises(OperationalError):
        await one.settle()

    windows.is_away = False
    await one.settle()
    await one.settle()
    clock.shift(1)

    assert list(windows.granted.values()) == [93]
    assert await passed(two, client, 20) == 7
    assert await passed(one, client, 20) == 0


async def test_what_a_process_let_pass_alone_is_not_let_pass_again_by_itself(windows, clock):
    client = Client(id=1, requests_per_day=100)
    limits = process(windows)
    windows.is_away = True
    assert await passed(limits, client, 150) == 100
    windows.is_away = False
    clock.shift(1)
    assert await passed(limits, client, 150) == 0


async def test_a_database_that_hangs_is_waited_for_once(windows, monkeypatch):
    monkeypatch.setattr(limits_module, "LEASE_WAIT_SECONDS", 0.05)
    windows.is_stuck = True
    client = Client(id=1, requests_per_minute=30)
    limits = process(windows)
    async with asyncio.timeout(2):
        assert await passed(limits, client, 50) == 30
    for task in [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        task.cancel()


async def test_a_client_that_leaves_while_it_waits_costs_nothing(windows, monkeypatch):
    windows.is_stuck = True
    client = Client(id=1, requests_per_minute=1)
    limits = process(windows)
    waiting = asyncio.create_task(limits.take(client))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert windows.granted == {}
    for task in [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        task.cancel()


async def test_a_limit_that_is_raised_holds_at_once(windows):
    limits = process(windows, Client(id=1, requests_per_minute=1))
    assert await passed(limits, Client(id=1, requests_per_minute=1), 3) == 1
    raised = Client(id=1, requests_per_minute=5)
    limits.install(TokenBook([(token_hash("t", "s"), raised)], ["s"]))
    assert await passed(limits, raised, 9) == 4


# Tokens a day.


async def test_tokens_of_all_processes_count(windows):
    client = Client(id=1, tokens_per_day=100)
    limits = process(windows, client)
    limits.llm_tokens.add(1, 30, SECONDS)
    await limits.take(client)
    windows.stored = {1: 60}
    await limits.reread({1: 30})  # what it added is not written yet
    await limits.take(client)
    limits.llm_tokens.add(1, 10, SECONDS)
    refused = await refusal(limits, client)
    assert "100 tokens a day" in refused.message
    windows.stored = {1: 100}
    await limits.reread({})
    assert (await refusal(limits, client)).is_worth_trying is False


async def test_the_next_day_has_tokens_again(windows, clock):
    client = Client(id=1, tokens_per_day=10)
    limits = process(windows, client)
    limits.llm_tokens.add(1, 0, SECONDS)
    windows.stored = {1: 10}
    await limits.reread({})
    await refusal(limits, client)
    clock.shift(86_400)
    await limits.take(client)


# The database's side.


@pytest.fixture
def token(db: None) -> ClientToken:
    return ClientToken.objects.create(pk=1, name="t", token_hash="0" * 64)


def test_leases_of_a_window_stay_within_the_limit(token):
    assert [lease_share(MINUTE, 10, 4) for _ in range(4)] == [4, 4, 2, 0]
    give_back([(MINUTE, 3)])
    assert [lease_share(MINUTE, 10, 4) for _ in range(2)] == [3, 0]
    assert TokenWindow.objects.get().granted == 10


def test_what_is_owed_is_taken_off_first_even_beyond_the_limit(token):
    assert [
        lease_share(MINUTE, 10, 4, 3),
        lease_share(MINUTE, 10, 4, 3),
        lease_share(MINUTE, 10, 0, 9),
    ] == [4, 0, 0]
    assert TokenWindow.objects.get().granted == 19


def test_a_new_window_begins_at_zero_and_what_comes_back_late_is_dropped(token):
    lease_share(MINUTE, 10, 10)
    following = MINUTE._replace(number=MINUTE.number + 1)
    assert lease_share(following, 10, 10) == 10
    give_back([(MINUTE, 5)])
    assert lease_share(following, 10, 1) == 0


def test_a_clock_that_is_a_window_behind_counts_with_the_others_and_a_wrong_one_does_not_close_it(
    token,
):
    far = MINUTE._replace(number=MINUTE.number + 1000)
    following = MINUTE._replace(number=MINUTE.number + 1)
    lease_share(far, 10, 10)
    assert lease_share(following, 10, 9) == 9
    assert lease_share(MINUTE, 10, 9) == 1


@pytest.mark.django_db(transaction=True)
def test_the_tokens_of_a_day_are_those_of_all_models(at_once: Callable[..., list[int]]):
    token = ClientToken.objects.create(pk=1, name="t", token_hash="0" * 64)
    for model, day in (("a", 24), ("b", 24), ("a", 23)):
        day_at = datetime(2026, 11, day, tzinfo=UTC).date()
        TokenUsage.objects.create(
            token=token, model=model, day=day_at, prompt_tokens=3, output_tokens=4
        )
    assert llm_tokens_of_day([1, 2], NOW) == {1: 14}
    assert sum(at_once([lambda: lease_share(MINUTE, 10, 3)] * 6)) == 10


@pytest.fixture
def at_once() -> Callable[..., list[int]]:
    """Runs each call on a thread, and so a connection, of its own."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    def alone(call: Callable[[], int]) -> int:
        try:
            return call()
        finally:
            connection.close()

    def run(calls: list[Callable[[], int]]) -> list[int]:
        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(alone, calls))

    return run
