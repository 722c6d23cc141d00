"""Ids by the ten thousand: in one parameter of a statement, and in one field of a form."""

import json
from collections.abc import Iterable, Iterator

from django.db import connection
from django.db.models.expressions import RawSQL

# More than any pool has: a few letters could ask for more than there is memory.
MOST = 1_000_000


def among(ids: Iterable[int]) -> RawSQL:
    """For `pk__in`. As parameters of their own databases take 32,766."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])  # a parameter
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])


def shortened(ids: Iterable[int]) -> str:
    """`1-50000 50007`."""
    return " ".join(
        str(first) if first == last else f"{first}-{last}" for first, last in _spans(sorted(ids))
    )


def written_out(text: str) -> list[int]:
    """What `shortened` made the text of; nothing of any other."""
    ids: list[int] = []
    try:
        for part in text.split():
            first, dash, last = part.partition("-")
            span = range(int(first), int(last if dash else first) + 1)
            if len(ids) + len(span) > MOST:
                return []
            ids.extend(span)
    except (ValueError, OverflowError):
        return []
    return ids


def _spans(ids: list[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for end in range(1, len(ids) + 1):
        if end == len(ids) or ids[end] != ids[end - 1] + 1:
            yield ids[start], ids[end - 1]
            start = end
