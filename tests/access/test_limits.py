"""Limits of client tokens are exact over all processes, and never wait for the database."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import OperationalError

from proxyapp.access import limits as limits_module
from proxyapp.access import llm_token_limits, share_leases
from proxyapp.access.limit_windows import (
    Grant,
    LimitWindow,
    Wish,
    give_back,
    lease_shares,
    llm_tokens_of_day,
    wanted_windows,
    window_at,
)
from proxyapp.access.limits import ClientLimits
from proxyapp.access.llm_token_limits import LOOKS_BETWEEN
from proxyapp.access.request_share import QUIET_LOOKS
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
        self.wanted: set[Any] = set()
        self.leases: list[int] = []
        self.transactions = 0
        self.stored: dict[int, int] = {}
        self.read_ids: list[list[int]] = []
        self.is_away = False
        self.is_stuck = False

    async def urgent(self, work: Any) -> Any:
        await self.answered()
        self.transactions += 1
        if work.func is llm_tokens_of_day:
            return self.llm_tokens(work.args[0])
        return [self.lease(*wish) for wish in work.args[0]]

    def lease(self, place: Any, limit: int, wanted: int, owed: int, is_ahead: bool) -> Grant:
        before = self.granted.get(place, 0) + owed
        count = min(wanted, max((limit // 2 if is_ahead else limit) - before, 0))
        self.granted[place] = before + count
        if wanted and not is_ahead:
            self.leases.append(count)
            self.wanted |= {place} if not count else set()
        return Grant(count, self.granted[place], place in self.wanted)

    async def read(self, work: Any) -> Any:
        await self.answered()
        if work.func is llm_tokens_of_day:
            return self.llm_tokens(work.args[0])
        return {place: self.granted[place] for place in self.wanted}

    def llm_tokens(self, token_ids: list[int]) -> dict[int, int]:
        self.read_ids.append(sorted(token_ids))
        return {pk: count for pk, count in self.stored.items() if pk in token_ids}

    async def background(self, work: Any) -> None:
        await self.answered()
        self.take_back(work.args[0])

    async def answered(self) -> None:
        await asyncio.sleep(3600 if self.is_stuck else 0)
        if self.is_away:
            raise OperationalError

    def take_back(self, leftovers: Any) -> None:
        for place, count in leftovers:
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


def book_of(clients: list[Client]) -> TokenBook:
    return TokenBook([(token_hash(f"t{client.id}", "s"), client) for client in clients], ["s"])


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


async def test_a_share_is_kept_while_nobody_wants_of_it(windows):
    client = Client(id=1, requests_per_day=100)
    limits = process(windows)
    await limits.take(client)
    for _ in range(3):
        await limits.look()
    assert await passed(limits, client, 4) == 4
    assert windows.leases == [5]


async def test_what_a_process_does_not_use_another_gets_soon(windows, clock):
    client = Client(id=1, requests_per_day=100)
    one, two = process(windows), process(windows)
    await one.take(client)  # of a block of five
    assert await passed(two, client, 100) == 95
    assert (await refusal(two, client)).status == 429

    await one.look()
    assert await passed(two, client, 1) == 0, "it was used only now"
    await one.look()
    await two.look()

    assert await passed(two, client, 100) == 4
    assert not one.leftovers()


async def test_who_gets_nothing_waits_once_for_what_others_do_not_use(windows):
    client = Client(id=1, requests_per_day=100)
    one, two = process(windows), process(windows)
    await one.take(client)

    waiting = asyncio.create_task(passed(two, client, 100))
    await until(lambda: windows.wanted)
    for _ in range(2):
        await one.look()
    await two.look()

    assert await waiting == 99
    async with asyncio.timeout(limits_module.PATIENT_SECONDS):
        await refusal(two, client)


async def until(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_a_share_that_nobody_uses_for_a_minute_goes_back(windows):
    client = Client(id=1, requests_per_day=100)
    limits = process(windows)
    await limits.take(client)
    for _ in range(QUIET_LOOKS):
        await limits.look()
    assert list(windows.granted.values()) == [1]


async def test_a_process_that_ends_gives_everything_back(windows):
    client = Client(id=1, requests_per_day=100)
    one = process(windows)
    await one.take(client)
    windows.take_back(one.leftovers())
    assert list(windows.granted.values()) == [1]


async def test_what_is_left_of_a_limit_that_was_changed_goes_back(windows):
    limits = process(windows)
    await limits.take(Client(id=1, requests_per_day=100))
    await limits.take(Client(id=1, requests_per_day=200))
    await limits.look()
    assert list(windows.granted.values()) == [11]


# Many tokens.


async def test_tokens_that_ask_at_once_share_a_transaction(windows):
    limits = process(windows)
    await asyncio.gather(*(limits.take(each) for each in metered(200, 60)))
    assert windows.transactions == 1


async def test_tokens_that_ask_in_turn_share_transactions_too(windows):
    limits, clients = process(windows), metered(40, 20)
    for client in clients:
        await limits.take(client)
    windows.transactions = 0

    for _ in range(8):
        await fetched_ahead(windows)
        for client in clients:
            await limits.take(client)

    assert windows.transactions == 8


async def test_the_next_minute_begins_with_one_transaction(windows, clock):
    limits, clients = process(windows), metered(200, 1000)
    await asyncio.gather(*(limits.take(each) for each in clients))
    clock.shift(60)
    windows.transactions = 0
    for client in clients:
        await limits.take(client)
    assert windows.transactions == 1


async def test_half_of_a_limit_is_leased_to_those_only_who_ask(windows):
    client = Client(id=1, requests_per_minute=10)
    limits = process(windows)
    for _ in range(5):
        await limits.take(client)
        await asyncio.sleep(share_leases.AHEAD_SECONDS * 1.5)
    assert list(windows.granted.values()) == [5]


async def test_a_request_whose_share_is_at_hand_is_charged_at_once(windows, clock):
    client = Client(id=1, requests_per_minute=40, requests_per_day=1000)
    limits = process(windows)
    assert not limits.charge_now(client)
    await limits.take(client)
    assert limits.charge_now(client)
    assert not limits.charge_now(client), "two a minute are leased at once"
    clock.shift(60)
    assert not limits.charge_now(client)
    day = limits.leftovers()[0]
    assert day == (window_at(1, 86_400, SECONDS), 48), "what the minute refuses costs no day"


def metered(count: int, requests_per_minute: int) -> list[Client]:
    return [
        Client(id=number, requests_per_minute=requests_per_minute) for number in range(1, count + 1)
    ]


async def fetched_ahead(windows: Windows) -> None:
    before = windows.transactions
    await until(lambda: windows.transactions > before)


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
    windows.take_back(limits.leftovers())
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
        with pytest.raises(OperationalError):
            await one.look()

    windows.is_away = False
    await one.look()
    await one.look()
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
    monkeypatch.setattr(share_leases, "LEASE_WAIT_SECONDS", 0.05)
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
    for _ in range(LOOKS_BETWEEN):
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
    assert limits.charge_now(client)


async def test_only_tokens_that_ask_are_read_again_and_again(windows):
    clients = [Client(id=number, tokens_per_day=100) for number in range(1, 51)]
    limits = ClientLimits(windows)
    limits.install(book_of(clients))
    await limits.reread({})
    await limits.reread({})
    await limits.take(clients[4])
    for _ in range(LOOKS_BETWEEN):
        await limits.reread({})
    assert windows.read_ids == [[*range(1, 51)], [5], [5]]

    for _ in range(QUIET_LOOKS):
        await limits.reread({})
    windows.read_ids.clear()
    for _ in range(LOOKS_BETWEEN):
        await limits.reread({})
    assert windows.read_ids == []


async def test_a_token_that_has_used_half_of_its_limit_is_read_with_each_look(windows):
    client = Client(id=1, tokens_per_day=100)
    limits = process(windows, client)
    windows.stored = {1: 50}
    await limits.take(client)
    for _ in range(LOOKS_BETWEEN):
        await limits.reread({})
    assert windows.read_ids == [[1]] * (1 + LOOKS_BETWEEN)


async def test_tokens_far_from_their_limit_take_turns_in_being_read(windows):
    clients = [Client(id=number, tokens_per_day=100) for number in range(1, 51)]
    limits = ClientLimits(windows)
    limits.install(book_of(clients))
    await limits.reread({})
    await asyncio.gather(*map(limits.take, clients))
    windows.read_ids.clear()
    for _ in range(LOOKS_BETWEEN):
        await limits.reread({})
    assert sorted(pk for read in windows.read_ids for pk in read) == [*range(1, 51)]
    assert len(windows.read_ids) == LOOKS_BETWEEN


async def test_a_token_takes_turns_again_on_the_day_after_it_came_near_its_limit(windows, clock):
    client = Client(id=1, tokens_per_day=100)
    limits = process(windows, client)
    await limits.take(client)
    limits.llm_tokens.add(1, 70, SECONDS)
    clock.shift(86_400)
    await limits.reread({})
    await limits.take(client)
    windows.read_ids.clear()
    for _ in range(2 * LOOKS_BETWEEN):
        await limits.reread({})
    assert windows.read_ids == [[1], [1]]


async def test_a_token_that_asks_after_a_quiet_time_is_read_before_it_passes(windows):
    client = Client(id=1, tokens_per_day=100)
    limits = process(windows, client)
    await limits.reread({})
    windows.stored = {1: 100}
    assert not limits.charge_now(client)
    await refusal(limits, client)


async def test_tokens_that_ask_at_once_are_read_together(windows):
    clients = [Client(id=number, tokens_per_day=100) for number in range(1, 51)]
    limits = process(windows)
    await asyncio.gather(*map(limits.take, clients))
    assert windows.read_ids == [[*range(1, 51)]]
    assert all(map(limits.charge_now, clients))


@pytest.mark.parametrize("trouble", ["is_away", "is_stuck"])
async def test_without_a_database_counts_what_was_known_of_llm_tokens(
    windows, monkeypatch, trouble
):
    monkeypatch.setattr(llm_token_limits, "READ_WAIT_SECONDS", 0.05)
    clients = [Client(id=number, tokens_per_day=100) for number in (1, 2)]
    limits = ClientLimits(windows)
    limits.install(book_of(clients))
    windows.stored = {1: 100}
    await limits.reread({})
    setattr(windows, trouble, True)
    async with asyncio.timeout(2):
        assert (await refusal(limits, clients[0])).status == 429
        await limits.take(clients[1])
    for task in [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        task.cancel()


# The database's side.


@pytest.fixture
def token(db: None) -> ClientToken:
    return ClientToken.objects.create(pk=1, name="t", token_hash="0" * 64)


def lease_share(place: LimitWindow, limit: int, wanted: int, owed: int = 0) -> int:
    return lease_shares([Wish(place, limit, wanted, owed)])[0].granted


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


def test_many_are_leased_and_given_back_together(token, django_assert_max_num_queries):
    ClientToken.objects.bulk_create(
        ClientToken(pk=number, name=f"t{number}", token_hash=f"{number:064}")
        for number in range(2, 101)
    )
    places = [window_at(number, 60, SECONDS) for number in range(1, 101)]
    wishes = [Wish(place, 10, 4) for place in places]
    lease_shares(wishes)

    with django_assert_max_num_queries(8):
        grants = lease_shares([*wishes, Wish(MINUTE, 10, 4), Wish(MINUTE, 10, 4)])
        give_back([(place, 1) for place in places])

    assert grants[0] == Grant(4, 8, is_wanted=False)
    assert grants[-2:] == [Grant(2, 10, is_wanted=False), Grant(0, 10, is_wanted=True)]
    granted = TokenWindow.objects.order_by("token_id").values_list("granted", flat=True)
    assert list(granted) == [9, *[7] * 99]
    assert wanted_windows({MINUTE.starts_at}) == {MINUTE: 9}


def test_a_token_that_is_gone_gets_nothing_and_costs_the_others_nothing(token):
    gone = window_at(77, 60, SECONDS)
    assert [grant.granted for grant in lease_shares([Wish(gone, 10, 4), Wish(MINUTE, 10, 4)])] == [
        0,
        4,
    ]


def test_a_new_window_is_wanted_by_nobody(token):
    assert [lease_share(MINUTE, 4, 4) for _ in range(2)] == [4, 0]
    following = MINUTE._replace(number=MINUTE.number + 1)
    assert lease_shares([Wish(following, 4, 4)]) == [Grant(4, 4, is_wanted=False)]


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
