"""A key's total is what its hours and days come to, whoever wrote those."""

import asyncio
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from proxyapp import runtime
from proxyapp.ledger import pruning
from proxyapp.ledger import recount as recounting
from proxyapp.ledger.recount import recount_keys_after
from proxyapp.ledger.retention import RECOUNT, claim
from proxyapp.ledger.usage import AttemptOutcome, UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import ApiKey, DailyUsage, HourlyUsage, KeyTotal
from proxyapp.provider.llm_tokens import LlmTokens
from tests.support.pool_data import NOW, add_group, add_key

TODAY = NOW.replace(hour=0, minute=0)


def used(key_ids: list[int], source: random.Random) -> UsageTally:
    tally = UsageTally()
    for _ in range(30):
        hours = source.randrange(50)
        tally.count(
            source.choice(key_ids),
            source.choice("ab"),
            source.choice(list(AttemptOutcome)),
            (NOW - timedelta(hours=hours)).timestamp(),
            LlmTokens(source.randrange(1 << 40)),
        )
    return tally


def make_keys(count: int) -> list[int]:
    group = add_group()
    return [add_key(group, f"key-{number}").pk for number in range(count)]


def recount() -> int:
    """The number of batches."""
    batches, last = 0, recount_keys_after(0, NOW)
    while last is not None:
        batches, last = batches + 1, recount_keys_after(last, NOW)
    return batches


def kept() -> dict[int, tuple[int, int]]:
    """What the rows of keys that there are come to."""
    requests: Counter[int] = Counter()
    prompts: Counter[int] = Counter()
    there = set(ApiKey.objects.values_list("pk", flat=True))
    for table in (HourlyUsage, DailyUsage):
        rows = table._default_manager.filter(key__in=there)
        for pk, count, prompt in rows.values_list("key_id", "requests", "prompt_tokens"):
            requests[pk] += count
            prompts[pk] += prompt
    return {pk: (count, prompts[pk]) for pk, count in requests.items() if count}


def totals() -> dict[int, tuple[int, int]]:
    rows = KeyTotal.objects.values_list("key_id", "requests", "prompt_tokens")
    return {pk: (requests, prompts) for pk, requests, prompts in rows if requests}


def test_what_an_older_release_wrote_and_removed_is_in_the_totals_again(
    db: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recounting, "BATCH_KEYS", 3)
    untouched, *key_ids = make_keys(8)
    unused = key_ids.pop()
    write_usage(used([untouched, *key_ids], random.Random(1)))
    HourlyUsage.objects.create(key_id=key_ids[0], hour=TODAY, model="new", requests=7)
    DailyUsage.objects.create(key_id=key_ids[1], day=TODAY.date(), model="m", requests=1 << 50)
    HourlyUsage.objects.filter(key_id=key_ids[2]).delete()
    KeyTotal.objects.filter(key_id=key_ids[3]).delete()
    assert totals() != kept()

    assert recount() == 3

    assert totals() == kept()
    assert not KeyTotal.objects.filter(key_id=unused).exists()


def test_totals_that_are_right_are_not_written(db: None):
    write_usage(used(make_keys(20), random.Random(1)))

    with CaptureQueriesContext(connection) as queries:
        recount()

    assert all(query["sql"].lstrip("( ").startswith("SELECT") for query in queries)


@pytest.mark.django_db(transaction=True)
def test_what_is_counted_meanwhile_is_counted_once():
    key_ids = make_keys(12)
    begin = threading.Barrier(4)

    def write(number: int) -> None:
        begin.wait()
        try:
            for turn in range(15):
                if number == 0:
                    KeyTotal.objects.filter(key_id=key_ids[turn % 12]).update(requests=10**6)
                    recount()
                else:
                    write_usage(used(key_ids, random.Random(f"{number} {turn}")))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))

    assert totals() == kept()


@pytest.mark.usefixtures("async_database")
async def test_a_gateway_looks_its_totals_over_by_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pruning, "FIRST_PRUNING_SECONDS", 0.0)
    monkeypatch.setattr(pruning, "PRUNING_PAUSE_SECONDS", 0.0)
    (key_id,) = await sync_to_async(make_keys)(1)
    await HourlyUsage.objects.acreate(key_id=key_id, hour=datetime.now(UTC), requests=5)

    await runtime.startup()
    try:
        async with asyncio.timeout(10):
            while not await KeyTotal.objects.filter(key_id=key_id, requests=5).aexists():
                await asyncio.sleep(0.02)
    finally:
        await runtime.shutdown()

    assert not await sync_to_async(claim)(RECOUNT, datetime.now(UTC))
