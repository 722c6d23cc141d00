"""What is too old goes: a batch of rows a transaction, because SQLite has one writer at a time."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from proxyapp.access.sign_in_limits import cooloff
from proxyapp.database.many_values import Rows
from proxyapp.ledger.key_totals import take_from_totals
from proxyapp.ledger.many_rows import add_to_rows
from proxyapp.ledger.usage import COLUMNS, AttemptCounter, attempt_values
from proxyapp.models import (
    AnswerTimes,
    AuditEntry,
    Chore,
    DailyUsage,
    HourlyUsage,
    MinuteUsage,
    ModelHour,
    OutcomeHour,
    QuotaHolder,
    RateLimitEvent,
    RemovedKey,
    Resource,
    SignInCount,
    SpoolMark,
    TokenUsage,
)
from proxyapp.pool import cursor
from proxyapp.pool.learned_rows import forget_old_limits
from proxyapp.pool.probation import FORGOTTEN_AFTER_SECONDS

# A transaction, for which other writers wait under SQLite.
BATCH_ROWS = 2_000
# The dashboard shows seven days of minutes.
MINUTE_USAGE_DAYS = MODEL_HOUR_DAYS = 8
# As long as that, a process may be gone and its spool still be written.
SPOOL_MARK_DAYS = 90
# By name, how long it holds that a process has taken it on: a minute less than the time between, as
# clocks may be set, and timers are early.
PRUNING, RECOUNT = "pruning", "recount"
HOLDS = {PRUNING: timedelta(minutes=59), RECOUNT: timedelta(hours=23, minutes=59)}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went; `hours` were added up into days.

    `leftovers`: the gateway's own notes of what is gone; `resources`: what no API has any more.
    """

    events: int = 0
    hours: int = 0
    minutes: int = 0
    sessions: int = 0
    sign_ins: int = 0
    days: int = 0
    audit_entries: int = 0
    leftovers: int = 0
    resources: int = 0

    def __bool__(self) -> bool:
        return any(astuple(self))

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(*map(sum, zip(astuple(self), astuple(other), strict=True)))


def prune_batch(now: datetime) -> Pruned:
    """The next rows of each kind, each in its own transaction; nothing when none is too old."""
    # What nobody asks the number of: old words of limits, processes that are gone, and sums of what
    # is counted below.
    forget_old_limits(now)
    QuotaHolder.objects.filter(seen_at__lt=days_before(now, 1)).delete()
    for table in (ModelHour, OutcomeHour, AnswerTimes):
        _delete_batch(table._default_manager.filter(hour__lt=days_before(now, MODEL_HOUR_DAYS)))
    return Pruned(
        events=_delete_batch(old_events(now)),
        hours=_add_up_batch(old_hours(now)),
        minutes=_delete_batch(
            MinuteUsage.objects.filter(minute__lt=days_before(now, MINUTE_USAGE_DAYS))
        ),
        sessions=_delete_batch(Session.objects.filter(expire_date__lt=now)),
        sign_ins=_delete_free(old_sign_ins(now)),
        days=_forget_days(old_days(now)) + _delete_batch(old_days_of_tokens(now)),
        audit_entries=_delete_batch(
            AuditEntry.objects.filter(at__lt=days_before(now, settings.AUDIT_RETENTION_DAYS))
        )
        + _delete_batch(
            LogEntry.objects.filter(action_time__lt=days_before(now, settings.AUDIT_RETENTION_DAYS))
        ),
        leftovers=cursor.forget_rings()
        + _delete_batch(SpoolMark.objects.filter(at__lt=days_before(now, SPOOL_MARK_DAYS)))
        + _delete_batch(old_names(now)),
        resources=_delete_free(Resource.objects.filter(expires_at__lt=now)),
    )


def prune_batches(now: datetime) -> Iterator[Pruned]:
    while pruned := prune_batch(now):
        yield pruned


def claim(chore: str, now: datetime) -> bool:
    """Whether it falls to this process: no other has taken it on lately.

    A time to come is a clock's error.
    """
    Chore.objects.get_or_create(name=chore, defaults={"last_run_at": EPOCH})
    is_due = Q(last_run_at__lte=now - HOLDS[chore]) | Q(last_run_at__gt=now + HOLDS[chore])
    return Chore.objects.filter(is_due, name=chore).update(last_run_at=now) == 1


def old_events(now: datetime) -> QuerySet[RateLimitEvent]:
    """Those that hold no key any more, and that the pool no longer learns from."""
    over = Q(cooling_until__lte=now - timedelta(seconds=FORGOTTEN_AFTER_SECONDS)) | Q(
        released_at__isnull=False
    )
    return RateLimitEvent.objects.filter(
        over, occurred_at__lt=days_before(now, settings.EVENT_RETENTION_DAYS)
    )


def old_hours(now: datetime) -> QuerySet[HourlyUsage]:
    """Of whole days, UTC."""
    oldest_kept = days_before(now, settings.HOURLY_USAGE_DAYS)
    return HourlyUsage.objects.filter(
        hour__lt=oldest_kept.replace(hour=0, minute=0, second=0, microsecond=0)
    )


def old_sign_ins(now: datetime) -> QuerySet[SignInCount]:
    """Failures that no longer count."""
    is_open = Q(locked_until__isnull=True) | Q(locked_until__lte=now)
    return SignInCount.objects.filter(is_open, since__lte=now - cooloff())


def old_days(now: datetime) -> QuerySet[DailyUsage]:
    return DailyUsage.objects.filter(day__lt=days_before(now, settings.DAILY_USAGE_DAYS).date())


def old_days_of_tokens(now: datetime) -> QuerySet[TokenUsage]:
    """Those of the month are kept in any case: what a token has spent of its budget."""
    first_of_month = now.astimezone(UTC).date().replace(day=1)
    oldest_kept = days_before(now, settings.DAILY_USAGE_DAYS).date()
    return TokenUsage.objects.filter(day__lt=min(oldest_kept, first_of_month))


def old_names(now: datetime) -> QuerySet[RemovedKey]:
    """Of keys whose last usage is gone, too."""
    days = max(settings.DAILY_USAGE_DAYS, settings.HOURLY_USAGE_DAYS) + 1
    return RemovedKey.objects.filter(removed_at__lt=days_before(now, days))


def days_before(now: datetime, days: int) -> datetime:
    """At the earliest the epoch: any number of days may be asked for, but dates end there."""
    return now - timedelta(days=min(days, (now - EPOCH).days))


def _delete_batch(rows: QuerySet[Any]) -> int:
    ids = list(rows.order_by().values_list("pk", flat=True)[:BATCH_ROWS])
    return rows.model._base_manager.filter(pk__in=ids).delete()[0] if ids else 0


def _delete_free(rows: QuerySet[Any]) -> int:
    """Leaves out what others write just now: they take their rows in an order, this in none."""
    with transaction.atomic():
        return _delete_batch(rows.select_for_update(skip_locked=True))


def _add_up_batch(hours: QuerySet[HourlyUsage]) -> int:
    """Adds up and deletes the same locked rows: a crash before the commit changes nothing."""
    with transaction.atomic():
        rows = list(hours.select_for_update().order_by("hour", "pk")[:BATCH_ROWS])
        if rows:
            add_to_rows(DailyUsage, ("key_id", "day", "model"), COLUMNS, _day_rows(rows))
            HourlyUsage.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _forget_days(days: QuerySet[DailyUsage]) -> int:
    """What a key's pages show is the sum of what is kept: its total loses what goes."""
    with transaction.atomic():
        rows = list(days.select_for_update().order_by("key_id", "pk")[:BATCH_ROWS])
        if rows:
            take_from_totals((row.key_id or 0, _counts_of(row)) for row in rows)
            DailyUsage.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _counts_of(row: HourlyUsage | DailyUsage) -> AttemptCounter:
    return AttemptCounter(*(getattr(row, column) for column in COLUMNS))


def _day_rows(rows: list[HourlyUsage]) -> Rows:
    days: defaultdict[tuple[int, date, str], AttemptCounter] = defaultdict(AttemptCounter)
    for row in rows:
        key_id = row.key_id or 0  # it has one, also when its key is gone
        days[key_id, row.hour.astimezone(UTC).date(), row.model].add(_counts_of(row))
    return [
        (key_id, str(day), model, *attempt_values(counts))
        for (key_id, day, model), counts in sorted(days.items())
    ]
