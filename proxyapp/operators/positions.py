"""Where new groups and keys stand in the rotation."""

from typing import Any

from django.db.models import Max, QuerySet

# The most that the column's type takes on PostgreSQL.
LAST_POSITION = 2**31 - 1


def next_position(siblings: QuerySet[Any]) -> int:
    """Behind the last one."""
    last = siblings.aggregate(last=Max("position"))["last"]
    return 0 if last is None else min(last + 1, LAST_POSITION)
