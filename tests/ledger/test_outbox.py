"""What the database takes costs no record; what it takes too long for is in the spool, too."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.outbox import PATIENCE_SECONDS, USAGE_PATIENCE_SECONDS
from proxyapp.ledger.writer import Writing

pytestmark = pytest.mark.django_db(transaction=True)


class Records:
    """Tells the threads on which one was made."""

    def __init__(self) -> None:
        self.made_on: list[str] = []

    def __call__(self) -> dict[str, Any]:
        self.made_on.append(threading.current_thread().name)
        return {"cooldowns": []}


@pytest.fixture
async def writing(tmp_path: Path) -> AsyncIterator[Writing]:
    threads = DatabaseThreads()
    made = Writing(threads, tmp_path / "spool", lambda version: None)
    yield made
    made.close()
    await asyncio.to_thread(threads.close)


def slow(seconds: float) -> int:
    time.sleep(seconds)
    return 7


async def test_what_is_written_at_once_needs_no_record(writing: Writing):
    records = Records()

    assert await writing.usage.write(records, lambda: slow(0)) == 7

    assert records.made_on == []
    assert writing.waiting == 0


async def test_usage_may_take_longer_than_a_refusal_that_a_request_waits_for(writing: Writing):
    seconds = PATIENCE_SECONDS + 0.2
    assert seconds < USAGE_PATIENCE_SECONDS

    assert await writing.usage.write(Records(), lambda: slow(seconds)) == 7
    assert await writing.cooldowns.write(Records(), lambda: slow(seconds)) is None

    assert writing.waiting == 1


async def test_a_record_is_made_on_the_thread_of_the_spool(writing: Writing):
    records = Records()

    assert await writing.cooldowns.write(records, lambda: slow(PATIENCE_SECONDS + 0.2)) is None

    assert [name.startswith("spool") for name in records.made_on] == [True]
