"""The rows of refusals, written without the ORM: a request waits for each, and the ORM takes ten
times as long to write the statements as the database takes to carry them out.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from proxyapp.models import ApiKey, RateLimitEvent

# SQLite takes 32,766 values in a statement.
ROWS_A_STATEMENT = 400


class NewEvent(NamedTuple):
    """The columns that are written; the others of the table may be empty."""

    key_id: int
    project: str
    model: str
    kind: str
    http_status: int
    occurred_at: datetime
    cooling_until: datetime
    quota_id: str
    quota_limit: str
    stated_delay_seconds: float | None
    client_id: int | None
    excerpt: str
    request_id: str = ""


TABLE = RateLimitEvent._meta.db_table
INSERT = f"INSERT INTO {TABLE} ({', '.join(NewEvent._fields)}) VALUES "  # noqa: S608 (no value)
ROW = f"({', '.join(['%s'] * len(NewEvent._fields))})"
KNOWN = f"SELECT id FROM {ApiKey._meta.db_table} WHERE id IN "  # noqa: S608 (no value)


def known_keys(key_ids: Iterable[int]) -> set[int]:
    """Which of them there are."""
    known: set[int] = set()
    with connection.cursor() as cursor:
        for batch in _batches(sorted(set(key_ids))):
            cursor.execute(f"{KNOWN}({', '.join(['%s'] * len(batch))})", batch)
            known.update(key_id for (key_id,) in cursor.fetchall())
    return known


def insert_events(events: Sequence[NewEvent]) -> list[int] | None:
    """Their ids; None where the database does not tell them, as old ones of SQLite."""
    tells_ids = connection.features.can_return_rows_from_bulk_insert
    returning = " RETURNING id" if tells_ids else ""
    ids: list[int] = []
    with connection.cursor() as cursor:
        for batch in _batches(events):
            values = [value for event in batch for value in _values(event)]
            cursor.execute(f"{INSERT}{', '.join([ROW] * len(batch))}{returning}", values)
            ids += [event_id for (event_id,) in cursor.fetchall()] if tells_ids else ()
    return ids if tells_ids else None


def _values(event: NewEvent) -> list[Any]:
    in_database = connection.ops.adapt_datetimefield_value
    return [in_database(value) if isinstance(value, datetime) else value for value in event]


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[at : at + ROWS_A_STATEMENT] for at in range(0, len(rows), ROWS_A_STATEMENT))
