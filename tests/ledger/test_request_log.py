"""The request log: what is written of a request, once, whatever the database does."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.utils import timezone

from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger import request_log, request_log_trim
from proxyapp.ledger.replay import write_batch
from proxyapp.ledger.request_log import RequestLog
from proxyapp.ledger.request_log_rows import MOST_ATTEMPTS, LogBatch
from proxyapp.ledger.request_log_trim import trim_batches
from proxyapp.ledger.spool_records import decoded_record, encoded_record
from proxyapp.ledger.writer import Writing
from proxyapp.models import RequestLogEntry, RequestLogGap, RequestLogTry
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.requests.record import ClientOutcome
from tests.support.logged_requests import AT, log, made_attempt, made_record

in_database = pytest.mark.django_db
SECRET = "AIza" + "S" * 35
GATEWAY_TOKEN = "gk-" + "t" * 43


# Rows.


@in_database
def test_a_row_tells_what_became_of_a_request():
    record = made_record(
        status=503,
        client_id=7,
        error="NO_KEY",
        outcome=ClientOutcome.NO_KEY,
        bytes_in=10,
        bytes_out=20,
        llm_tokens=LlmTokens(3, 5, 1, 2),
        attempts=[made_attempt(4, "daily", 429, began_after=0.1), made_attempt(6, "server", 500)],
    )

    record.cost_micros = None

    (row,) = log(record)

    assert row.arrived_at.timestamp() == AT
    assert (row.request_id, row.client_id, row.address) == ("r-1", 7, "10.0.0.9")
    assert (row.status, row.outcome, row.error, row.key_id) == (503, "no_key", "NO_KEY", 6)
    assert (row.first_byte_ms, row.ms, row.bytes_in, row.bytes_out) == (400, 500, 10, 20)
    assert (row.prompt_tokens, row.output_tokens, row.cached_tokens) == (3, 5, 1)
    assert row.cost_micros is None
    first, second = row.tried
    assert (first.key, first.verdict, first.status, first.began_ms, first.ms) == (
        *("key-4", "daily", 429, 100, 250),
    )
    assert second.key_id == 6
    assert list(RequestLogTry.objects.values_list("key_id", "entry_id")) == [(4, row.id)]


@in_database
def test_what_a_client_wrote_is_bounded_and_without_secrets():
    hostile = f"<script>\x00\x1b[2J\ud800{SECRET}"

    (row,) = log(
        made_record(
            GATEWAY_TOKEN,
            model=hostile + "m" * 10_000,
            group="g" * 1_000,
            address="a" * 100,
            attempts=[made_attempt(1, key_name=f"name of {SECRET}")],
        )
    )

    assert row.model.startswith("<script>\ufffd\ufffd[2J\ufffdAIza…SSSS")
    assert len(row.model) == 200
    for value in vars(row).values():
        assert SECRET not in str(value)
        assert GATEWAY_TOKEN not in str(value)


@in_database
def test_numbers_beyond_the_columns_do_not_stop_the_others():
    odd = made_record("odd", status=99_999, seconds=-1.0, llm_tokens=LlmTokens(10**30, 1))

    assert {row.request_id for row in log(odd, made_record("other"))} == {"odd", "other"}


@in_database
def test_of_many_attempts_the_first_and_the_last_are_kept():
    (row,) = log(made_record(attempts=[made_attempt(number) for number in range(1, 501)]))

    assert row.tries == 500
    assert len(row.tried) == MOST_ATTEMPTS
    assert [row.tried[0].key_id, row.tried[-1].key_id, row.key_id] == [1, 500, 500]


@in_database
def test_two_requests_of_one_id_and_moment_are_two():
    assert len(log(made_record(client_id=1), made_record(client_id=2))) == 2


# On the way.


class Process:
    def __init__(self, folder: Path) -> None:
        self.threads = DatabaseThreads()
        self.writing = Writing(self.threads, folder / "spool", lambda version: None)
        self.touched = Mock()
        self.log = RequestLog(self.writing.requests, self.touched)


@pytest.fixture
async def process(tmp_path: Path, async_database: None) -> AsyncIterator[Process]:
    made = Process(tmp_path)
    yield made
    made.writing.close()
    await asyncio.to_thread(made.threads.close)


def ids() -> list[str]:
    return list(RequestLogEntry.objects.order_by("id").values_list("request_id", flat=True))


def gaps() -> list[tuple[int, int]]:
    return list(RequestLogGap.objects.values_list("requests", "failures"))


async def test_what_is_heard_is_written_with_the_next_flush_after_its_second(process: Process):
    process.log.hear(made_record())
    process.touched.assert_called_once()

    await process.log.flush(AT + 0.6)
    assert await asyncio.to_thread(ids) == []
    assert process.touched.call_count == 2, "it asks for another flush"
    await process.log.flush(AT + 2)

    assert await asyncio.to_thread(ids) == ["r-1"]
    assert process.touched.call_count == 2


async def test_errors_alone_are_logged_where_the_setting_says_so(tmp_path: Path, settings: Any):
    settings.REQUEST_LOG = "errors"
    log = RequestLog(Mock(), Mock())

    log.hear(made_record("good"))
    log.hear(made_record("bad", status=500))

    assert [record.id for record in log._sample.take(0.0, everything=True)] == ["bad"]


async def test_an_outage_loses_and_doubles_nothing(process: Process):
    process.threads._fail("writing", Exception("away"))  # type: ignore[arg-type]
    process.log._sample.leave_out(made_record(status=500))
    for number in range(3):
        process.log.hear(made_record(f"r-{number}", at=AT + number))
        await process.log.flush(AT + number + 2)
    assert process.writing.requests.is_waiting

    await process.writing.catch_up()
    process.log.hear(made_record("later", at=AT + 9))
    await process.log.flush(AT + 20)

    assert await asyncio.to_thread(ids) == ["r-0", "r-1", "r-2", "later"]
    assert await asyncio.to_thread(gaps) == [(1, 1)]


async def test_a_long_outage_takes_so_much_of_the_disk_and_counts_the_rest(
    process: Process, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(request_log, "MOST_SPOOLED", 2)
    process.threads._fail("writing", Exception("away"))  # type: ignore[arg-type]
    for number in range(5):
        process.log.hear(made_record(f"r-{number}", at=AT + number))
        await process.log.flush(AT + number + 2)

    await process.writing.catch_up()

    assert await asyncio.to_thread(ids) == ["r-0", "r-1"]
    assert (
        await asyncio.to_thread(
            lambda: sum(RequestLogGap.objects.values_list("requests", flat=True))
        )
        == 3
    )


async def test_at_its_end_a_process_writes_what_it_heard(process: Process):
    process.log.hear(made_record())

    await asyncio.to_thread(process.log.write_at_exit, AT)

    assert await asyncio.to_thread(ids) == ["r-1"]


@in_database
def test_a_record_of_the_spool_is_written_once():
    batch = LogBatch([made_record()], {29_916_666: [5, 1]})
    records, bad = decoded_record([encoded_record(1, batch.spooled())])
    assert bad == []

    for _ in range(2):
        assert write_batch("spool-1", records) == (None, [])

    assert ids() == ["r-1"]
    assert RequestLogGap.objects.get().requests == 5


@in_database
def test_a_record_of_a_newer_or_older_gateway_is_read():
    """Of one that knows a column less."""
    spooled = json.loads(json.dumps(LogBatch([made_record()], {}).spooled()))
    place = spooled["requests"]["columns"].index("cost_micros")
    del spooled["requests"]["columns"][place]
    del spooled["requests"]["rows"][0][place]
    records, _ = decoded_record([encoded_record(1, spooled)])

    assert write_batch("spool-1", records) == (None, [])
    assert ids() == ["r-1"]


# What goes.


@in_database
def test_what_is_older_than_its_days_goes_with_what_belongs_to_it(settings: Any):
    settings.REQUEST_LOG_DAYS = 7
    now = timezone.now()
    tried = [made_attempt(1), made_attempt(2)]
    old, young = (
        made_record(name, at=(now - timedelta(days=days)).timestamp(), attempts=tried)
        for name, days in (("old", 7.01), ("young", 6.99))
    )
    log(old, young)
    for days in (8, 6):
        RequestLogGap.objects.create(minute=now - timedelta(days=days), requests=1)

    assert sum(trim_batches(now)) == 1

    assert ids() == ["young"]
    assert RequestLogTry.objects.count() == RequestLogGap.objects.count() == 1


@in_database
def test_a_full_log_loses_its_oldest_in_small_pieces(
    settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.REQUEST_LOG_ROWS = 10
    monkeypatch.setattr(request_log_trim, "BATCH_ROWS", 3)
    now = timezone.now()
    log(*(made_record(f"r-{n}", at=now.timestamp() - 100 + n) for n in range(17)))

    assert list(trim_batches(now)) == [3, 3, 1]

    assert ids() == [f"r-{n}" for n in range(7, 17)]


async def test_who_has_written_many_rows_has_the_oldest_removed(
    process: Process, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.REQUEST_LOG_ROWS, settings.REQUEST_LOG_DAYS = 50, 36_500
    process.log._most_written = 20
    for number in range(60):
        process.log.hear(made_record(f"r-{number}", at=AT + number))
    await process.log.flush(AT + 100)
    assert process.log.is_trim_due.is_set()
    is_stopping = asyncio.Event()
    trimming = asyncio.create_task(
        request_log_trim.trim_when_due(process.threads, process.log.is_trim_due, is_stopping)
    )

    async with asyncio.timeout(10):
        while len(await asyncio.to_thread(ids)) > 50:
            await asyncio.sleep(0)
    is_stopping.set()
    process.log.is_trim_due.set()
    await trimming
