"""Rows a few at a time."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from django.db.models import Model

BATCH = 500


Row = TypeVar("Row", bound=Model)


def row_batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(rows), BATCH):
        yield list(rows[start : start + BATCH])
