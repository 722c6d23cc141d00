"""The way of a share from the database to the keeper, and back."""

import asyncio
import time

import pytest

from proxyapp.database.threads import DatabaseThreads
from proxyapp.models import QuotaHolder, QuotaShare
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import build
from proxyapp.quota import share_rows
from proxyapp.quota.keeper import QuotaKeeper
from proxyapp.quota.leases import QuotaLeases
from proxyapp.vocabulary.limits import Meter
from tests.support.shares_in_memory import SomeLimits
from tests.support.snapshots import group

pytestmark = pytest.mark.django_db(transaction=True)
PRO = "gemini-2.5-pro"
DAY = Meter.REQUESTS_PER_DAY


class Process:
    def __init__(
        self, numbers: dict[Meter, int], threads: DatabaseThreads, name: str = "one 1"
    ) -> None:
        main = group(1, "main")
        self.keys = [PoolKey(n, main, f"K{n}", "…", "active", f"p{n}") for n in (1, 2)]
        snapshot = build(1, [main], self.keys, Cooldowns())
        self.keeper = QuotaKeeper(snapshot, SomeLimits({PRO: numbers}))
        self.leases = QuotaLeases(threads, self.keeper, name)

    async def ask(self, key: int = 0):
        """As a request that waits for a lease."""
        for _ in range(3):
            now = time.time()
            if not self.keeper.is_held(self.keys[key], PRO, now):
                charge = self.keeper.take(self.keys[key], PRO, lambda: 0, now)
                if charge is not None:
                    return charge
            if not await self.leases.more():
                return None
        return None


@pytest.fixture
async def threads():
    threads = DatabaseThreads()
    await threads.connect()
    yield threads
    threads.close()


async def test_the_first_request_waits_for_its_share_and_the_next_finds_it(threads) -> None:
    process = Process({DAY: 2}, threads)
    assert await process.ask() is not None
    rows = await threads.read(lambda: list(QuotaShare.objects.values_list("owner", "capacity")))
    assert rows == [("project:p1", 2)]
    assert process.keeper.take(process.keys[0], PRO, lambda: 0, time.time()) is not None
    assert await process.ask() is None


async def test_keys_that_ask_together_are_asked_for_together(threads, monkeypatch) -> None:
    leased, lease = [], share_rows.lease

    def noted(*given):
        leased.append(len(given[2]))
        return lease(*given)

    monkeypatch.setattr(share_rows, "lease", noted)
    process = Process({DAY: 20, Meter.REQUESTS_PER_MINUTE: 5}, threads)
    await asyncio.gather(process.ask(0), process.ask(1))
    assert leased == [4]


async def test_one_process_gives_back_what_another_wants(threads) -> None:
    one, two = Process({DAY: 10}, threads), Process({DAY: 10}, threads, "two 2")
    assert await one.ask() is not None
    assert await two.ask() is None
    await one.leases.look()
    account = next(iter(two.keeper.accounts.values()))
    account.closed_until = account.held_until = 0.0
    two.keeper.snapshot.lift([1], PRO)
    assert await two.ask() is not None
    capacities = [next(iter(each.keeper.accounts.values())).use.capacity for each in (one, two)]
    assert sum(capacities) <= 10
    assert min(capacities) >= 1


async def test_a_process_goes_on_with_its_share_while_the_database_is_away(
    threads, monkeypatch
) -> None:
    process = Process({DAY: 4}, threads)
    assert await process.ask() is not None

    def away(*_: object) -> None:
        from django.db import OperationalError

        raise OperationalError("away")

    monkeypatch.setattr(share_rows, "lease", away)
    assert [await process.ask() is not None for _ in range(4)] == [True, True, True, False]
    assert await process.ask(1) is not None  # has no share yet, and takes what would be one


async def test_the_pages_hear_what_is_used_and_an_end_leaves_nothing_behind(threads) -> None:
    process = Process({DAY: 10}, threads)
    await process.ask()
    await process.ask()
    await process.leases.look()
    used = await threads.read(lambda: QuotaShare.objects.get().used)
    assert used == 2
    await process.leases.close()
    assert await threads.read(QuotaShare.objects.count) == 0
    assert await threads.read(QuotaHolder.objects.count) == 1


async def test_a_process_that_others_took_for_gone_uses_nothing_that_they_may_have(threads) -> None:
    process = Process({DAY: 10}, threads)
    assert await process.ask() is not None
    await threads.background(QuotaHolder.objects.all().delete)
    other = Process({DAY: 10}, threads, "two 2")
    assert await other.ask() is not None
    await process.leases.look()
    (mine,), (theirs,) = (each.keeper.accounts.values() for each in (process, other))
    assert (mine.use.capacity, mine.use.known) == (1, 1)
    assert await process.ask() is None
    assert mine.use.capacity + theirs.use.capacity <= 11  # what it had used was used already
