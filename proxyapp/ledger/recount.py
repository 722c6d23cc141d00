"""Makes the sums that are kept beside the usage what its rows come to, where they are not.

An older release of the gateway, in a rolling restart or after a way back, writes and removes usage
without them.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Sum

from proxyapp.database.many_values import Rows, time_texts
from proxyapp.ledger.key_totals import NOTHING, Values, sum_of
from proxyapp.ledger.many_rows import add_to_rows
from proxyapp.ledger.stamps import (
    DAY_COLUMNS,
    HOURS,
    base,
    counted,
    day_number,
    hour_column,
    hour_number,
    last_hours,
)
from proxyapp.ledger.usage import COLUMNS, HOUR_SECONDS
from proxyapp.models import ApiKey, DailyUsage, HourlyUsage, KeyTotal, ModelHour

# Of each some thousand hours and days are read, for half a second at most, in which under SQLite
# nobody writes if a total is wrong.
BATCH_KEYS = 50
SUMS = {f"sum_{column}": Sum(column) for column in COLUMNS}


def recount_keys_after(key_id: int, now: datetime) -> int | None:
    """The totals of the next keys. Returns the last of these; None: there was none."""
    later = ApiKey.objects.filter(pk__gt=key_id).order_by("pk")
    key_ids = list(later.values_list("pk", flat=True)[:BATCH_KEYS])
    if wrong := _wrong(key_ids, now):
        with transaction.atomic():
            # Under the totals' locks what others add is in the rows and the total, or in neither.
            add_to_rows(KeyTotal, ("key_id",), COLUMNS, [(pk, *NOTHING) for pk in sorted(wrong)])
            for pk, values in _wrong(wrong, now).items():
                KeyTotal.objects.filter(pk=pk).update(**values)
    return key_ids[-1] if key_ids else None


def recount_models(hour: datetime) -> None:
    """Those of one hour."""
    if not _wrong_models(hour):
        return
    with transaction.atomic():
        models = sorted({*_kept_models(hour), *_summed_models(hour)})
        (text,) = time_texts([hour.timestamp()]).values()
        rows: Rows = [(text, model, *NOTHING) for model in models]
        add_to_rows(ModelHour, ("hour", "model"), COLUMNS, rows)
        for model, values in _wrong_models(hour).items():
            row = ModelHour.objects.filter(hour=hour, model=model)
            row.update(**dict(zip(COLUMNS, values, strict=True)))


def hours_before(now: datetime, days: int) -> list[datetime]:
    """The present hour first."""
    last = hour_number(now)
    return [
        datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)
        for hour in range(last, last - days * HOURS, -1)
    ]


def _wrong(key_ids: Collection[int], now: datetime) -> dict[int, dict[str, int]]:
    """What their totals should say and do not, by key."""
    totals, stamped = _kept(key_ids), _kept_lately(key_ids, now)
    names = ("key_id", *COLUMNS, *_places(now))
    found = {row["key_id"]: row for row in KeyTotal.objects.filter(key__in=key_ids).values(*names)}
    wrong = {}
    for pk in key_ids:
        wanted = dict(zip(COLUMNS, totals.get(pk, NOTHING), strict=True))
        there = found.get(pk, {})
        differing = {name: n for name, n in wanted.items() if there.get(name, 0) != n}
        for column, number in _places(now).items():
            count, value = stamped.get((pk, column), 0), there.get(column, 0)
            later = number + (1 if column in DAY_COLUMNS else HOURS)
            # One that has gone on to its next time already is left alone.
            if counted(value, number) != count and not counted(value, later):
                differing[column] = base(number) + count
        if differing:
            wrong[pk] = differing
    return wrong


def _places(now: datetime) -> dict[str, int]:
    """The hour or day that each column is to count, by its number."""
    hours = {hour_column(hour): hour for hour in last_hours(now)}
    return {**hours, **dict.fromkeys(DAY_COLUMNS, day_number(now))}


def _kept(key_ids: Collection[int]) -> dict[int, Values]:
    """Hours and days are read at once, while rows may be moving over."""
    hours = HourlyUsage.objects.filter(key__in=key_ids).order_by().values("key_id").annotate(**SUMS)
    days = DailyUsage.objects.filter(key__in=key_ids).order_by().values("key_id").annotate(**SUMS)
    found: dict[int, Values] = {}
    for row in hours.union(days, all=True):
        values = tuple(int(row[name]) for name in SUMS)
        found[row["key_id"]] = sum_of([values, found.get(row["key_id"], NOTHING)])
    return found


def _kept_lately(key_ids: Collection[int], now: datetime) -> dict[tuple[int, str], int]:
    """By key and column."""
    first, day = last_hours(now)[0], day_number(now)
    since = datetime.fromtimestamp(first * HOUR_SECONDS, UTC)
    rows = HourlyUsage.objects.filter(key__in=key_ids, hour__gte=since).order_by()
    sums = rows.values("key_id", "hour").annotate(sent=Sum("requests"), refused=Sum("rate_limited"))
    found: dict[tuple[int, str], int] = {}
    for key_id, hour, sent, refused in sums.values_list("key_id", "hour", "sent", "refused"):
        number = hour_number(hour)
        if number in last_hours(now):
            found[key_id, hour_column(number)] = int(sent)
        if day_number(hour) == day:
            for column, count in zip(DAY_COLUMNS, (sent, refused), strict=True):
                found[key_id, column] = found.get((key_id, column), 0) + int(count)
    return found


def _wrong_models(hour: datetime) -> dict[str, Values]:
    kept, summed = _kept_models(hour), _summed_models(hour)
    return {
        model: kept.get(model, NOTHING)
        for model in {*kept, *summed}
        if kept.get(model, NOTHING) != summed.get(model, NOTHING)
    }


def _kept_models(hour: datetime) -> dict[str, Values]:
    rows = HourlyUsage.objects.filter(hour=hour).order_by().values("model").annotate(**SUMS)
    return {row["model"]: tuple(int(row[name]) for name in SUMS) for row in rows}


def _summed_models(hour: datetime) -> dict[str, Values]:
    rows = ModelHour.objects.filter(hour=hour).values_list("model", *COLUMNS)
    return {model: tuple(values) for model, *values in rows}
