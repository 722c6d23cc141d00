"""Groups, keys, cooldowns and usage for tests that look at the database."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Max

from proxyapp.database.many_values import time_texts
from proxyapp.ledger.key_totals import add_to_totals
from proxyapp.ledger.many_rows import add_to_rows
from proxyapp.ledger.stamps import hour_number
from proxyapp.ledger.usage import COLUMNS, UsagePlace
from proxyapp.ledger.usage_rows import MODEL_PLACE
from proxyapp.models import (
    ApiKey,
    DailyUsage,
    Group,
    HourlyUsage,
    KeyTotal,
    ModelHour,
    RateLimitEvent,
    RotationCursor,
)
from proxyapp.vocabulary.choices import KeyStatus

NOW = datetime(2026, 11, 24, 3, 48, tzinfo=UTC)


def secret(label: str) -> str:
    """A key that looks like a real one: 39 characters."""
    return f"AIzaSy{label.ljust(29, '-')}{label[-4:].rjust(4, '0')}"


def add_group(name: str = "main", **fields: Any) -> Group:
    return Group.objects.create(name=name, **{"position": Group.objects.count(), **fields})


def add_key(group: Group, label: str, **fields: Any) -> ApiKey:
    last = group.keys.aggregate(last=Max("position"))["last"]
    key = ApiKey(group=group, **{"position": 0 if last is None else last + 1, **fields})
    key.set_secret(secret(label))
    key.save()
    return key


def cool(key: ApiKey, until: datetime, *, kind: str = "daily", **fields: Any) -> RateLimitEvent:
    """For every model and for the key alone, unless `model` and `project` say more."""
    occurred_at = until - timedelta(days=1)
    return RateLimitEvent.objects.create(
        key=key, kind=kind, occurred_at=occurred_at, cooling_until=until, **fields
    )


def condemn(key: ApiKey, at: datetime = NOW) -> RateLimitEvent:
    """As the gateway does to a dead key: the event imposes no cooldown."""
    ApiKey.objects.filter(pk=key.pk).update(
        status=KeyStatus.INVALID, status_reason="API key expired."
    )
    return RateLimitEvent.objects.create(key=key, kind="dead_key", occurred_at=at, cooling_until=at)


def use(
    key: ApiKey, hour: datetime = NOW, model: str = "gemini-2.5-flash", **counts: int
) -> HourlyUsage:
    """As the gateway writes it."""
    start = hour.replace(minute=0, second=0)
    row = HourlyUsage.objects.create(key=key, model=model, hour=start, **counts)
    values = values_of(row)
    add_to_totals([(UsagePlace(key.pk, model, hour_number(start)), values)])
    place = [*time_texts([start.timestamp()]).values(), model]
    add_to_rows(ModelHour, MODEL_PLACE, COLUMNS, [[*place, *values]])
    return row


def add_to_total(row: DailyUsage) -> None:
    """As the gateway does for each row that it writes."""
    add_to_rows(KeyTotal, ("key_id",), COLUMNS, [[row.key_id or 0, *values_of(row)]])


def values_of(row: HourlyUsage | DailyUsage) -> tuple[int, ...]:
    return tuple(getattr(row, column) for column in COLUMNS)


def pool_version() -> int:
    cursor = RotationCursor.objects.filter(ring="").first()
    return cursor.pool_version if cursor else 0
