"""Rate-limit events for programs: page by page, from the newest on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from proxyapp.models import RateLimitEvent, audit
from proxyapp.models.audit import Actor
from proxyapp.operators.key_actions import release_events
from proxyapp.vocabulary.times import iso_utc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventChoice:
    """Which are wanted; None and empty: every one. `since` is within, `until` is not."""

    key: int | None = None
    group: str = ""
    project: str = ""
    model: str = ""
    kind: str = ""
    is_active: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def of(self, now: datetime) -> QuerySet[RateLimitEvent]:
        events = RateLimitEvent.objects.active(now) if self.is_active else _every_event()
        wanted = {
            "key": self.key,
            "key__group__name__iexact": self.group,
            "project": self.project,
            "model": self.model,
            "kind": self.kind,
            "occurred_at__gte": self.since,
            "occurred_at__lt": self.until,
        }
        return events.filter(**{name: value for name, value in wanted.items() if value})


def event_page(
    choice: EventChoice, cursor: str, size: int, now: datetime
) -> tuple[list[dict[str, Any]], str | None]:
    """So many, and the cursor of those behind them. Raises ValueError: it is no cursor."""
    events = choice.of(now).select_related("key__group", "client").defer("key__secret")
    if cursor:
        at, pk = _read(cursor)
        events = events.filter(Q(occurred_at__lt=at) | Q(occurred_at=at, pk__lt=pk))
    rows = list(events.order_by("-occurred_at", "-pk")[: size + 1])
    more = _cursor(rows[size - 1]) if len(rows) > size else None
    return [_as_json(row, now) for row in rows[:size]], more


def release_audited(event_ids: Iterable[int], actor: Actor, now: datetime) -> list[int]:
    """The ids of those that were still active. The audit log has them under their keys."""
    with transaction.atomic():
        active = RateLimitEvent.objects.active(now).filter(pk__in=list(event_ids))
        ids = list(active.order_by("pk").values_list("pk", flat=True))
        release_events(ids, now)
        audit.record_each(actor, releases(ids))
    return ids


def releases(event_ids: Iterable[int]) -> list[audit.Change]:
    """For the audit log."""
    events = RateLimitEvent.objects.filter(pk__in=list(event_ids)).select_related("key")
    return [
        ("release", event.key, f"only the cooldown {event}")
        for event in events.defer("key__secret")
    ]


def _every_event() -> QuerySet[RateLimitEvent]:
    return RateLimitEvent.objects.all()


def _as_json(event: RateLimitEvent, now: datetime) -> dict[str, Any]:
    return {
        "id": event.pk,
        "occurred_at": iso_utc(event.occurred_at),
        "kind": event.kind,
        "status": event.http_status,
        "key": {"id": event.key_id, "name": event.key.name, "masked": event.key.masked},
        "group": event.key.group.name,
        "model": event.model or None,
        "project": event.project or None,
        "client": event.client.name if event.client else None,
        "quota_id": event.quota_id or None,
        "quota_limit": event.quota_limit or None,
        "stated_delay_seconds": event.stated_delay_seconds,
        "until": iso_utc(event.cooling_until),
        "released_at": iso_utc(event.released_at) if event.released_at else None,
        "is_active": event.released_at is None and event.cooling_until > now,
        "excerpt": event.excerpt or None,
    }


def _cursor(event: RateLimitEvent) -> str:
    return f"{(event.occurred_at - EPOCH) // MICROSECOND}-{event.pk}"


def _read(cursor: str) -> tuple[datetime, int]:
    at, _, pk = cursor.partition("-")
    if not (at.isdecimal() and pk.isdecimal() and len(at) < 18 and len(pk) < 19):
        raise ValueError("is none that this list gave")
    return EPOCH + int(at) * MICROSECOND, int(pk)
