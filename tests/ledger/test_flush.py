"""Usage of many keys is written in pieces; one that has to wait is neither lost nor doubled."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.db.models import Sum

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger import flush
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.flush import Flush
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.ledger.writer import Writing
from proxyapp.models import ApiKey, HourlyUsage, KeyTotal, MinuteUsage
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.usefixtures("async_database")
KEYS, EACH = 10, 3


class Process:
    """What a process writes its usage with."""

    def __init__(self, folder: Path) -> None:
        self.threads = DatabaseThreads()
        self.writing = Writing(self.threads, folder / "spool", lambda version: None)
        self.counting = Counting(Mock())
        leasing = Mock(**{"progress.return_value": []})
        limits = Mock(**{"leftovers.return_value": []})
        self.flush = Flush(self.threads, self.writing.usage, self.counting, leasing, limits)

    def use(self, keys: list[ApiKey]) -> None:
        for key in keys:
            for _ in range(EACH):
                self.counting.tally.count(key.pk, "m", AttemptOutcome.SUCCEEDED, 1.0)


@pytest.fixture
async def process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, async_database: None
) -> AsyncIterator[Process]:
    monkeypatch.setattr(flush, "MOST_COUNTS", 4)
    made = Process(tmp_path)
    yield made
    made.writing.close()
    await asyncio.to_thread(made.threads.close)


@pytest.fixture
async def keys(async_database: None) -> list[ApiKey]:
    def add() -> list[ApiKey]:
        group = add_group()
        return [add_key(group, f"key-{number}") for number in range(KEYS)]

    return await asyncio.to_thread(add)


def written() -> tuple[list[int], list[int], int, int]:
    """Of each key by hours and in total, of all by minutes, and which keys were noted as used."""
    hours = HourlyUsage.objects.order_by("key").values_list("requests", flat=True)
    totals = KeyTotal.objects.order_by("key").values_list("requests", flat=True)
    minutes = MinuteUsage.objects.aggregate(sum=Sum("requests"))["sum"]
    return list(hours), list(totals), minutes, ApiKey.objects.exclude(last_used_at=None).count()


def used_by(process: Process, client: int) -> tuple[int, int]:
    """LLM tokens and their cost that are not written."""
    counting = process.counting
    return counting.unwritten_llm_tokens(1.0)[client], counting.unwritten_cost(0)[client]


async def test_what_a_slow_flush_is_writing_counts_as_unwritten_until_it_has_ended(
    process: Process, keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
):
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(_: object) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(10)

    monkeypatch.setattr(flush, "write_usage", slow)
    for client in range(6):
        process.counting.tally.clients.count_llm_tokens(client, "m", 3, 5, 1.0, cost=9)

    flushing = asyncio.create_task(process.flush.run())
    await begun.wait()
    process.counting.tally.clients.count_llm_tokens(5, "m", 1, 1, 1.0, cost=1)
    assert [used_by(process, client) for client in (0, 5)] == [(8, 9), (10, 10)]
    go_on.set()
    await flushing

    assert [used_by(process, client) for client in (0, 5)] == [(0, 0), (2, 1)]


ALL = [EACH] * KEYS, [EACH] * KEYS, EACH * KEYS, KEYS


async def test_each_piece_is_a_transaction_and_they_add_up(process: Process, keys: list[ApiKey]):
    process.use(keys)

    await process.flush.run()

    assert await asyncio.to_thread(written) == ALL
    assert process.writing.usage._spool.next_mark().number == 4, "three pieces have had theirs"


async def test_pieces_that_run_out_of_patience_count_once(process: Process, keys: list[ApiKey]):
    """The first is written all the same, later: it is in the database and in the spool."""
    process.writing.usage._patience_seconds = 0.1
    is_free = threading.Event()
    process.threads._background._executor.submit(is_free.wait, 10)
    process.use(keys)

    await process.flush.run()
    waiting = process.writing.waiting
    is_free.set()
    await process.writing.catch_up()

    assert waiting == 3
    assert await asyncio.to_thread(written) == ALL
    assert process.writing.waiting == 0


async def test_what_is_left_when_the_loop_ends_is_written_at_the_exit(
    process: Process, keys: list[ApiKey]
):
    process.use(keys)
    process.flush._cut(is_last=False)

    await asyncio.to_thread(process.flush.run_at_exit)

    assert await asyncio.to_thread(written) == ALL
