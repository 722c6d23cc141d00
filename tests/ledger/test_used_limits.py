"""What a client used of its day counts once, whatever is being written when it is read."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import Client
from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger import flush
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.flush import Flush
from proxyapp.ledger.usage import UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.ledger.used_limits import reread_limits
from proxyapp.ledger.writer import Writing
from tests.support.client_tokens import add_token

pytestmark = pytest.mark.usefixtures("async_database")


@pytest.fixture
async def threads() -> AsyncIterator[DatabaseThreads]:
    made = DatabaseThreads()
    yield made
    await asyncio.to_thread(made.close)


async def test_what_is_written_just_now_counts_once(
    threads: DatabaseThreads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    token = await asyncio.to_thread(add_token, "ann")
    client = Client(id=token.pk, tokens_per_day=100, cost_per_day=100, cost_per_month=100)
    limits = ClientLimits(threads)
    limits.install(Mock(clients=[client]))
    counting, writing = Counting(limits), Writing(threads, tmp_path, lambda version: None)
    leasing = Mock(**{"progress.return_value": []})
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(tally: UsageTally) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(10)
        write_usage(tally)

    monkeypatch.setattr(flush, "write_usage", slow)
    now = time.time()
    counting.tally.clients.count_llm_tokens(client.id, "m", 3, 5, now, cost=9)

    flushing = asyncio.create_task(Flush(threads, writing.usage, counting, leasing, limits).run())
    await begun.wait()
    rereading = asyncio.create_task(reread_limits(limits, counting, writing.usage))
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.gather(flushing, rereading)

    used = (limits.llm_tokens, limits.cost_of_day, limits.cost_of_month)
    assert [each.used(client.id, now) for each in used] == [8, 9, 9]
    writing.close()
