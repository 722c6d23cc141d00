"""Records that a thread takes in batches."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from proxyapp.requests import batches
from proxyapp.requests.batches import RecordBatches
from proxyapp.requests.record import RequestRecord


def record(number: int) -> RequestRecord:
    return RequestRecord(str(number), "GET", 0.0)


async def test_a_thread_takes_them_in_their_order() -> None:
    seen: list[str] = []
    threads: set[int] = set()

    def work(records: Sequence[RequestRecord]) -> None:
        threads.add(threading.get_ident())
        seen.extend(each.id for each in records)

    taken = RecordBatches(asyncio.get_running_loop(), work, "test")
    for number in range(250):
        taken.hear(record(number))
    await taken.close()
    assert seen == [str(number) for number in range(250)]
    assert threading.get_ident() not in threads


async def test_what_is_too_much_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batches, "MOST_WAITING", 5)
    seen: list[str] = []
    taken = RecordBatches(
        asyncio.get_running_loop(), lambda each: seen.extend(one.id for one in each), "test"
    )
    for number in range(8):
        taken.hear(record(number))
    await taken.close()
    assert seen == ["0", "1", "2", "3", "4"]
    assert "test: 3 requests are left out" in caplog.text


async def test_a_batch_that_fails_stops_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batches, "PAUSE_SECONDS", 0.0)
    done = threading.Event()

    def work(records: Sequence[RequestRecord]) -> None:
        if records[0].id == "0":
            raise ValueError("no")
        done.set()

    taken = RecordBatches(asyncio.get_running_loop(), work, "test")
    taken.hear(record(0))
    while "test failed" not in caplog.text:
        await asyncio.sleep(0.01)
    taken.hear(record(1))
    await taken.close()
    assert done.is_set()
