"""Rows of the request log: made of records, and written once."""

import functools
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from proxyapp.database.many_values import Rows, sources, table_name, time_texts
from proxyapp.ledger.many_rows import add_to_rows
from proxyapp.models import RequestLogEntry, RequestLogGap, RequestLogTry
from proxyapp.models.request_log import (
    ID_BITS,
    MOST_ADDRESS,
    MOST_ENDPOINT,
    MOST_GROUP,
    MOST_ID,
    MOST_METHOD,
    MOST_MODEL,
    first_id,
)
from proxyapp.requests.record import AttemptRecord, RequestRecord
from proxyapp.requests.sample import MINUTE_SECONDS
from proxyapp.vocabulary.log_masking import MOST_LOOKED_THROUGH, beginning

COLUMNS = tuple(field.column for field in RequestLogEntry._meta.concrete_fields)
# Of one request: a pool of thousands of keys may refuse it one after the other.
MOST_ATTEMPTS = 20
MOST_KEY_NAME = 130
MOST_NUMBER, MOST_STATUS = (1 << 62), 999
Gaps = Mapping[int, Sequence[int]]
LogRow = Sequence[Any]


class LogBatch:
    """What one write takes. Its rows are made by whoever writes, away from the event loop."""

    def __init__(self, records: Sequence[RequestRecord], left_out: Gaps) -> None:
        self.records = records
        self.left_out = left_out

    @functools.cached_property
    def rows(self) -> list[LogRow]:
        return [_row(record) for record in self.records]

    def write(self) -> int:
        write_requests(COLUMNS, self.rows, self.left_out)
        return len(self.rows)

    def spooled(self) -> dict[str, Any]:
        return {
            "requests": {"columns": COLUMNS, "rows": self.rows},
            "requests_left_out": [[minute, *counts] for minute, counts in self.left_out.items()],
        }


def write_requests(columns: Sequence[str], rows: Sequence[LogRow], left_out: Gaps) -> None:
    """`columns`: of another gateway's spool they may be fewer. In the caller's transaction."""
    _insert(RequestLogEntry, columns, rows)
    _insert(RequestLogTry, ("key_id", "entry_id"), _earlier(columns, rows))
    texts = time_texts(minute * MINUTE_SECONDS for minute in left_out)
    gaps: list[tuple[str | int, ...]] = [
        (texts[minute * MINUTE_SECONDS], *left_out[minute]) for minute in sorted(left_out)
    ]
    add_to_rows(RequestLogGap, ("minute",), ("requests", "failures"), gaps)


def _insert(table: Any, columns: Sequence[str], rows: Rows) -> None:
    names = ", ".join(map(connection.ops.quote_name, columns))
    with connection.cursor() as cursor:
        for source, values in sources(table, columns, rows):
            cursor.execute(
                f"INSERT INTO {table_name(table)} ({names}) {source} ON CONFLICT DO NOTHING",
                values,
            )


def _earlier(columns: Sequence[str], rows: Sequence[LogRow]) -> list[tuple[int, int]]:
    """Which keys each request tried before its last one."""
    own, attempts, last = (columns.index(name) for name in ("id", "attempts", "key_id"))
    return [
        (key_id, row[own])
        for row in rows
        for key_id in sorted({tried[0] for tried in json.loads(row[attempts])} - {row[last]})
    ]


def _row(record: RequestRecord) -> LogRow:
    """In the order of the columns."""
    attempts = record.attempts
    tokens = record.llm_tokens
    return (
        _id(record),
        _text(record.id, MOST_ID),
        record.client_id,
        _text(record.address, MOST_ADDRESS),
        _text(record.group, MOST_GROUP),
        _text(record.model, MOST_MODEL),
        _text(record.endpoint, MOST_ENDPOINT),
        _text(record.method, MOST_METHOD),
        _number(record.status, MOST_STATUS),
        record.outcome.value,
        _text(record.error, MOST_ENDPOINT),
        attempts[-1].key_id if attempts else 0,
        len(attempts),
        json.dumps([_attempt(attempt) for attempt in _shown(attempts)]),
        _ms(record.first_byte_seconds),
        _ms(record.seconds),
        _number(record.bytes_in),
        _number(record.bytes_out),
        _number(tokens.prompt),
        _number(tokens.output),
        _number(tokens.cached),
        _number(tokens.thoughts),
        _number(tokens.tool_use),
        None if record.cost_micros is None else _number(record.cost_micros),
    )


def _id(record: RequestRecord) -> int:
    """The same for the same record, whoever makes its row."""
    text = f"{record.id} {record.client_id} {record.seconds}"
    low = zlib.crc32(text.encode("utf-8", "replace")) & ((1 << ID_BITS) - 1)
    return first_id(max(record.arrived_at, 0.0)) | low


def _shown(attempts: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    half = MOST_ATTEMPTS // 2
    if len(attempts) <= MOST_ATTEMPTS:
        return list(attempts)
    return [*attempts[:half], *attempts[-half:]]


def _attempt(attempt: AttemptRecord) -> list[str | int]:
    return [
        attempt.key_id,
        _text(attempt.key_name, MOST_KEY_NAME),
        _text(attempt.group, MOST_GROUP),
        _text(attempt.project, MOST_GROUP),
        _text(attempt.verdict, MOST_ENDPOINT),
        _number(attempt.status, MOST_STATUS),
        _ms(attempt.began_after),
        _ms(attempt.seconds),
    ]


def _text(text: str, most: int) -> str:
    """What a client wrote of it may be anything: without what databases and terminals trip over."""
    if not text.isprintable():
        text = text[:MOST_LOOKED_THROUGH]
        text = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return beginning(text, most)


def _ms(seconds: float) -> int:
    return _number(round(seconds * 1000))


def _number(number: int, most: int = MOST_NUMBER) -> int:
    return min(max(number, 0), most)
