"""Whether anything happened that an open page shows, and the pages' data when it did.

Runs on the feed's own thread.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from proxyapp.admin.live.frame import Frame, WatchedKey
from proxyapp.models import MinuteUsage, RateLimitEvent, RotationCursor
from proxyapp.models.key_state import key_batches
from proxyapp.operators.dashboard import Dashboard
from proxyapp.operators.key_report import KeyRow, key_report
from proxyapp.operators.standing import end_text
from proxyapp.pool.ring_names import ALL_GROUPS

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

    def __bool__(self) -> bool:
        return self.dashboard or bool(self.keys)


@dataclass(slots=True)
class Composer:
    """Makes frames. Belongs to one thread."""

    _dashboard: Dashboard = field(default_factory=Dashboard)

    def compose(self, wish: PageWish, before: Frame | None) -> tuple[Frame, Marker]:
        """The marker is read first: a change that slips in between is seen by the next look."""
        now = datetime.now(UTC)
        marker = look(now)
        snapshot = self._dashboard.snapshot(now) if wish.dashboard else None
        keys = watched(wish.keys, now)
        ends = [self._dashboard.next_end()] if wish.dashboard else []
        ends += [
            cooldown.until.timestamp() for key in keys.values() for cooldown in key.row.cooldowns
        ]
        due_at = min([now.timestamp() + LONGEST_SECONDS, *ends])
        return Frame.after(before, snapshot, wish.keys, keys, due_at=due_at), marker


def watched(ids: frozenset[int], now: datetime) -> Mapping[int, WatchedKey]:
    """Those of the keys that there are."""
    minute = now.replace(second=0, microsecond=0)
    rows = (row for keys in key_batches(ids) for row in key_report(keys, now))
    return {
        row.id: WatchedKey(row, tuple(row.describe_state(minute)), key_message(row, now))
        for row in rows
    }


def key_message(row: KeyRow, now: datetime) -> dict[str, Any]:
    whole = next((cooldown for cooldown in row.cooldowns if cooldown.model is None), None)
    fields = row.as_json()
    return {
        "id": row.id,
        "state": row.state,
        "until": end_text(whole.until) if whole and row.state == "cooling" else None,
        "detail": row.describe_state(now),
        **{name: fields[name] for name in KEY_FIELDS},
    }


KEY_FIELDS = (
    "cooldowns", "requests", "rate_limited", "errors", "prompt_tokens", "output_tokens",
    "last_used_at",
)  # fmt: skip


def is_due(frame: Frame) -> bool:
    """Whether time alone has changed what the frame shows."""
    return time.time() >= frame.due_at
