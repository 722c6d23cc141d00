"""One process's runtime: what it counts is written, whatever stands in the way."""

import asyncio
import threading

import pytest

from proxyapp import runtime
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.models import ApiKey, Group, HourlyUsage

pytestmark = pytest.mark.usefixtures("async_database")


@pytest.fixture
async def key(async_database: None) -> ApiKey:
    made = ApiKey(group=await Group.objects.acreate(name="g"))
    made.set_secret("SECRET-SECRET-SECRET")
    await made.asave()
    return made


async def test_a_stop_loses_no_count_that_waits_for_the_database(key: ApiKey):
    running = await runtime.startup()
    is_free = threading.Event()
    running.threads._background._executor.submit(is_free.wait, 10)
    running.counting.tally.count(key.pk, "m", AttemptOutcome.SUCCEEDED, 1.0)
    running.counting.touched()
    async with asyncio.timeout(10):
        while running.counting.tally.counts:  # the flush took them and waits for its thread
            await asyncio.sleep(0)

    stopping = asyncio.create_task(runtime.shutdown())
    await asyncio.sleep(0)
    is_free.set()
    await stopping

    assert (await HourlyUsage.objects.aget()).succeeded == 1


async def test_a_count_is_written_within_a_second(key: ApiKey):
    running = await runtime.startup()
    try:
        running.counting.tally.count(key.pk, "m", AttemptOutcome.SUCCEEDED, 1.0)
        running.counting.touched()
        async with asyncio.timeout(1):
            while not await HourlyUsage.objects.aexists():
                await asyncio.sleep(0.02)
        assert (await HourlyUsage.objects.aget()).requests == 1
    finally:
        await runtime.shutdown()


async def test_one_runtime_serves_a_process_however_many_ask_at_once(key: ApiKey):
    first, *others = await asyncio.gather(*(runtime.running() for _ in range(5)))
    await runtime.shutdown()

    assert all(other is first for other in others)
    assert runtime.current() is None


async def test_picks_of_requests_at_once_are_in_order(key: ApiKey):
    second = ApiKey(group_id=key.group_id, position=1)
    second.set_secret("SECRET-SECRET-SECOND")
    await second.asave()
    running = await runtime.startup()
    try:
        picked = await asyncio.gather(*(running.leasing.next_key("") for _ in range(100)))
    finally:
        await runtime.shutdown()

    assert [pick.id for pick in picked if pick] == [key.pk, second.pk] * 50
