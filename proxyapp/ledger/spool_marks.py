"""What makes every record of the spool count exactly once.

A process gives the things that it writes running numbers, under the name of the spool's file that
they go to if the database does not take them. The database keeps the last number that it has taken,
in the transaction of the thing itself. So an answer that was lost, a crash between the commit and
the file's removal, or a server that did the work long after we gave up waiting, counts nothing
twice.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from django.db import connection, transaction

from proxyapp.models import SpoolMark

Result = TypeVar("Result")


class Mark(NamedTuple):
    name: str
    number: int


def once(mark: Mark, work: Callable[[], Result]) -> Result | None:
    """Does the work in one transaction with the mark; None: it was done before."""
    with transaction.atomic():
        return work() if _raised(mark) else None


def taken(name: str) -> int:
    """The last number that is written; its row is locked until the end of the transaction."""
    SpoolMark.objects.get_or_create(name=name, defaults={"number": 0, "at": datetime.now(UTC)})
    return SpoolMark.objects.select_for_update().get(name=name).number


def raise_to(mark: Mark) -> None:
    SpoolMark.objects.filter(name=mark.name).update(number=mark.number, at=datetime.now(UTC))


def _raised(mark: Mark) -> bool:
    """Locks the mark's row, and tells whether the number is new. One statement: one is written for
    each flush and each refusal.
    """
    table = connection.ops.quote_name(SpoolMark._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(  # no outside value
            f"INSERT INTO {table} (name, number, at) VALUES (%s, %s, %s) ON CONFLICT (name)"  # noqa: S608
            " DO UPDATE SET number = excluded.number, at = excluded.at"
            f" WHERE {table}.number < excluded.number",
            [*mark, connection.ops.adapt_datetimefield_value(datetime.now(UTC))],
        )
        return bool(cursor.rowcount)
