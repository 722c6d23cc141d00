"""Whether anything happened that an open page shows, and the pages' data when it did.

Runs on the feed's own thread.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.urls import set_script_prefix
from django.utils import translation

from proxyapp.admin.keys.live_cells import live_cells
from proxyapp.admin.live.frame import Frame, WatchedKey
from proxyapp.models import MinuteUsage, RateLimitEvent, RotationCursor
from proxyapp.models.key_state import key_batches
from proxyapp.operators.dashboard import Dashboard
from proxyapp.operators.key_report import KeyRow, key_report
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.vocabulary.languages import PLAIN

# Counts change with time, too: what is shown of the last hour is never older than this.
LONGEST_SECONDS = 15.0
# Counts that waited for the database join rows that are older than the hour that pages show.
COUNTED = timedelta(hours=2)


class Marker(NamedTuple):
    """Differs when something happened.

    Attempts and answers: of the last two hours, which late counts still join.
    """

    pool_version: int = 0
    last_event: int = 0
    attempts: int = 0
    answers: int = 0


def look(now: datetime) -> Marker:
    """One query."""
    name = connection.ops.quote_name
    cursors, events, minutes = (
        name(model._meta.db_table) for model in (RotationCursor, RateLimitEvent, MinuteUsage)
    )
    statement = (
        f"SELECT (SELECT MAX(pool_version) FROM {cursors} WHERE ring = %s),"  # noqa: S608
        f" (SELECT MAX(id) FROM {events}),"
        f" SUM(requests), SUM(answered) FROM {minutes} WHERE minute >= %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            statement, [ALL_GROUPS, connection.ops.adapt_datetimefield_value(now - COUNTED)]
        )
        row: Sequence[Any] = cursor.fetchone() or ()
    return Marker(*(int(value or 0) for value in row))


@dataclass(frozen=True, slots=True)
class PageWish:
    """What the open pages show together."""

    dashboard: bool = False
    keys: frozenset[int] = frozenset()
    language: str = PLAIN

    def __bool__(self) -> bool:
        return self.dashboard or bool(self.keys)

    def with_that_of(self, other: "PageWish") -> "PageWish":
        """Of one language."""
        return PageWish(self.dashboard or other.dashboard, self.keys | other.keys, self.language)


@dataclass(slots=True)
class Composer:
    """Makes frames, in the words of one language. Belongs to one thread."""

    language: str = PLAIN
    _dashboard: Dashboard = field(default_factory=Dashboard)

    def compose(self, wish: PageWish, before: Frame | None) -> tuple[Frame, Marker]:
        """The marker is read first: a change that slips in between is seen by the next look."""
        translation.activate(self.language)
        set_script_prefix(settings.PATH_PREFIX or "/")  # no request says what links begin with
        now = datetime.now(UTC)
        marker = look(now)
        snapshot = self._dashboard.snapshot(now) if wish.dashboard else None
        keys = watched(wish.keys, now, before.keys if before else {})
        ends = [self._dashboard.next_end()] if wish.dashboard else []
        ends += [
            cooldown.until.timestamp() for key in keys.values() for cooldown in key.row.cooldowns
        ]
        due_at = min([now.timestamp() + LONGEST_SECONDS, *ends])
        return Frame.after(before, snapshot, wish.keys, keys, due_at=due_at), marker


def watched(
    ids: frozenset[int], now: datetime, before: Mapping[int, WatchedKey]
) -> Mapping[int, WatchedKey]:
    """Those of the keys that there are. Only what is news is put into words anew."""
    minute = now.replace(second=0, microsecond=0)
    rows = (row for keys in key_batches(ids) for row in key_report(keys, now))
    return {row.id: _watched(row, minute, now, before.get(row.id)) for row in rows}


def _watched(row: KeyRow, minute: datetime, now: datetime, before: WatchedKey | None) -> WatchedKey:
    lines = tuple(row.describe_state(minute))
    if before is not None and (row, lines) == before[:2]:
        return before
    return WatchedKey(row, lines, key_message(row, now))


def key_message(row: KeyRow, now: datetime) -> dict[str, Any]:
    return {"id": row.id, "state": row.state, "cells": live_cells(row, now)}


def is_due(frame: Frame) -> bool:
    """Whether time alone has changed what the frame shows."""
    return time.time() >= frame.due_at
