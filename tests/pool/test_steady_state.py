"""Rotation never shows: a request costs the same whatever the size of the pool.

The database hears of few requests.
"""

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Count

from proxyapp import runtime
from proxyapp.models import ApiKey, Group, RateLimitEvent
from proxyapp.pool import cursor, store
from proxyapp.pool import snapshot as snapshot_module
from proxyapp.pool.cursor import Lease
from proxyapp.pool.ring import Ring
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.rotor import Rotor
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.asgi_request import generate
from tests.support.fake_upstream import FakeUpstream
from tests.support.lines_run import lines_run
from tests.support.snapshots import snapshot

in_database = pytest.mark.django_db(transaction=True)


# A pick.


def all_but_one_cooling(size: int) -> Ring:
    cooling = {number: 1e9 + number for number in range(1, size)}
    return snapshot("a" * size, cooling).rings[ALL_GROUPS]


def lines_of_picks(size: int, picks: int = 200) -> int:
    """Of so many picks, with a lap of the lease used up by each."""
    rotor = Rotor(all_but_one_cooling(size))
    rotor.add(Lease(0, (picks + 1) * size, 0))
    return lines_run(lambda: [rotor.pick(10.0) for _ in range(picks)])


def test_a_pick_does_the_same_work_with_10_and_10000_keys_all_but_one_cooling():
    assert lines_of_picks(10) == lines_of_picks(10_000)


def test_a_key_that_is_released_costs_its_own_return_only():
    ring = all_but_one_cooling(10_000)
    assert list(ring.available(10.0)) == [9_999]

    lines = lines_run(lambda: ring.choose(0, 1e9 + 1))

    assert list(ring.available(1e9 + 1)) == [0, 9_999]
    assert lines < 60


def test_the_last_key_among_many_is_found_in_no_time():
    """The search goes through bytes, in C: of 50,000 as fast as a call, nearly."""
    few, many = all_but_one_cooling(10), all_but_one_cooling(50_000)

    assert cpu_of_choices(many) < 15 * cpu_of_choices(few)


def cpu_of_choices(ring: Ring) -> float:
    """The fastest of some: other work on the machine only adds."""
    times = []
    for _ in range(7):
        began = time.process_time()
        for start in range(0, len(ring), max(len(ring) // 200, 1)):
            ring.choose(start, 10.0)
        times.append((time.process_time() - began) / min(len(ring), 200))
    return min(times)


# A reload.


def add_keys(count: int, target_url: str = "https://up.example") -> list[ApiKey]:
    """Key n has the secret `KEY-n`."""
    group = Group.objects.create(name="g", target_url=target_url, auth="google")
    keys = [ApiKey(group=group, position=number) for number in range(count)]
    for number, key in enumerate(keys):
        key.set_secret(f"KEY-{number}")
    return ApiKey.objects.bulk_create(keys)


@pytest.fixture
async def ten_keys() -> list[int]:
    return [key.pk for key in await asyncio.to_thread(add_keys, 10)]


async def change(work: Callable[[], object]) -> None:
    """Another process changes the pool; this one has loaded it when this returns."""

    def write() -> None:
        work()
        cursor.raise_pool_version()

    process = runtime.current()
    assert process is not None
    await process.threads.urgent(write)
    await process.refresh()


async def picks(count: int) -> list[int]:
    process = await runtime.running()
    picked = [await process.leasing.next_key(ALL_GROUPS) for _ in range(count)]
    return [key.id for key in picked if key is not None]


@in_database
async def test_reloads_keep_the_order(ten_keys: list[int]):
    try:
        picked = await picks(7)
        for _ in range(4):
            await change(lambda: None)
            picked += await picks(7)
    finally:
        await runtime.shutdown()

    assert picked == list(itertools.islice(itertools.cycle(ten_keys), 35))


@in_database
async def test_a_reload_with_fewer_keys_goes_on_with_the_key_whose_turn_it_is(ten_keys: list[int]):
    second, fifth = ten_keys[1], ten_keys[4]
    try:
        picked = await picks(3)
        await change(lambda: ApiKey.objects.filter(pk=second).update(status=KeyStatus.DISABLED))
        picked += await picks(9)
        await change(lambda: ApiKey.objects.filter(pk=fifth).delete())
        picked += await picks(9)
    finally:
        await runtime.shutdown()

    without_second = [key for key in ten_keys if key != second]
    assert picked[:12] == [*ten_keys, ten_keys[0], ten_keys[2]]
    rest = itertools.cycle(key for key in without_second if key != fifth)
    following = itertools.dropwhile(lambda key: key != ten_keys[3], rest)
    assert picked[12:] == list(itertools.islice(following, 9))


@in_database
async def test_a_reload_is_built_on_a_thread_of_its_own(
    ten_keys: list[int], monkeypatch: pytest.MonkeyPatch
):
    threads = []
    build = snapshot_module.build

    def note_thread(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return build(*arguments)

    monkeypatch.setattr(store, "build", note_thread)
    try:
        await picks(1)
        await change(lambda: None)
    finally:
        await runtime.shutdown()

    assert len(threads) == 2
    assert threading.main_thread() not in threads


@in_database
async def test_the_event_loop_does_as_much_for_a_reload_of_2000_keys_as_of_10(ten_keys: list[int]):
    process = await runtime.startup()
    try:
        await picks(1)
        costs = [install_cost(process, size) for size in (10, 2_000)]
    finally:
        process.leasing.install(process.snapshot)
        await runtime.shutdown()

    assert costs[0] == costs[1] > 0


def install_cost(process: runtime.Runtime, size: int) -> int:
    """Lines to go over from a snapshot to a newer one of the same keys."""
    process.leasing.install(snapshot("a" * size))
    newer = snapshot("a" * size)
    return lines_run(lambda: process.leasing.install(newer)) + lines_run(
        lambda: process.cooling.install(newer)
    )


# Requests.


async def load(clients: int, requests: int) -> Counter[int]:
    """How many answers had which status."""
    statuses: Counter[int] = Counter()
    numbers = iter(range(requests))

    async def client() -> None:
        for _ in numbers:
            statuses[await generate()] += 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(client() for _ in range(clients)))
    return statuses


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What began a transaction on the gateway's database threads.

    It is a block, or a statement outside of one.
    """
    begun: list[str] = []
    set_autocommit, execute = BaseDatabaseWrapper.set_autocommit, CursorWrapper.execute

    def note(what: str) -> None:
        if threading.current_thread().name.startswith("database-"):
            begun.append(what)

    def count_blocks(self: Any, autocommit: bool, *args: Any, **kwargs: Any) -> Any:
        if not autocommit:
            note("block")
        return set_autocommit(self, autocommit, *args, **kwargs)

    def count_statements(self: Any, sql: Any, params: Any = None) -> Any:
        if not self.db.in_atomic_block and not str(sql).startswith("BEGIN"):
            note(str(sql))
        return execute(self, sql, params)

    monkeypatch.setattr(BaseDatabaseWrapper, "set_autocommit", count_blocks)
    monkeypatch.setattr(CursorWrapper, "execute", count_statements)
    return begun


@in_database
async def test_twenty_requests_or_more_share_a_transaction_at_load(
    upstream: FakeUpstream, transactions: list[str]
):
    """At 500 requests a second.

    The watch on the pool and the flush of the counts go by the clock.
    """
    await asyncio.to_thread(add_keys, 100, upstream.url)
    await runtime.startup()
    try:
        await load(16, 200)
        transactions.clear()
        began = time.monotonic()
        statuses = await load(16, 1000)
        seconds = time.monotonic() - began
        count = len(transactions)
    finally:
        await runtime.shutdown()

    assert statuses == {200: 1000}
    assert transactions, "none were counted"
    assert count <= 0.05 * max(1000, 500 * seconds), Counter(transactions)


@in_database
async def test_a_lock_a_request_is_counted_as_such(
    upstream: FakeUpstream, transactions: list[str], settings: Any
):
    """That the count above can fail."""
    settings.ROTATION_LEASE = 1
    await asyncio.to_thread(add_keys, 3, upstream.url)
    await runtime.startup()
    try:
        transactions.clear()
        await load(4, 50)
        count = transactions.count("block")
    finally:
        await runtime.shutdown()

    assert count >= 50


def refusals(upstream: FakeUpstream, spent: set[str]) -> Counter[str]:
    return Counter(key for key in upstream.picked() if key in spent)


def events_by_key() -> list[int]:
    return [
        row["events"]
        for row in RateLimitEvent.objects.values("key_id").annotate(events=Count("id"))
    ]


@in_database
async def test_a_storm_costs_each_key_one_request_and_one_event(upstream: FakeUpstream):
    await asyncio.to_thread(add_keys, 100, upstream.url)
    spent = {f"KEY-{number}" for number in range(0, 100, 4)}
    for key in spent:
        upstream.exhausted(key)
    try:
        statuses = await load(8, 200)
    finally:
        await runtime.shutdown()

    assert statuses == {200: 200}
    assert refusals(upstream, spent) == Counter(spent)
    assert await asyncio.to_thread(events_by_key) == [1] * 25


@in_database
async def test_requests_under_way_together_with_a_spent_key_make_one_event(upstream: FakeUpstream):
    await asyncio.to_thread(add_keys, 4, upstream.url)
    spent = {"KEY-0", "KEY-1", "KEY-2"}
    for key in spent:
        upstream.exhausted(key)
    try:
        statuses = await load(32, 32)
        at_once = refusals(upstream, spent)
        statuses += await load(32, 64)
    finally:
        await runtime.shutdown()

    assert statuses == {200: 96}
    assert refusals(upstream, spent) == at_once, "a spent key was asked again"
    assert await asyncio.to_thread(events_by_key) == [1] * 3


@in_database
async def test_a_reload_in_a_storm_brings_no_spent_key_back(upstream: FakeUpstream):
    """A snapshot that was read before a cooldown was written knows nothing of it."""
    await asyncio.to_thread(add_keys, 20, upstream.url)
    spent = {f"KEY-{number}" for number in range(0, 20, 2)}
    for key in spent:
        upstream.exhausted(key)
    process = await runtime.startup()

    async def reload() -> None:
        for _ in range(10):
            await process.threads.urgent(cursor.raise_pool_version)
            await process.refresh()

    try:
        statuses, _ = await asyncio.gather(load(2, 60), reload())
    finally:
        await runtime.shutdown()

    assert statuses == {200: 60}
    assert refusals(upstream, spent) == Counter(spent)
