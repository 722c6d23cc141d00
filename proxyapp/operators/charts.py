"""The gateway's traffic by time, for the dashboard: its charts, and the figures above them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import BigIntegerField, Func, Sum

from proxyapp.models import SEEN_COLUMNS, MinuteUsage
from proxyapp.operators.minutes import Totals, last_minutes, percentile
from proxyapp.runtime import current
from proxyapp.vocabulary.money import currency, rounded_text
from proxyapp.vocabulary.times import iso_utc

# Attempts at upstreams, and what clients saw of their requests.
SERIES = ("succeeded", "rate_limited", "client_errors", "upstream_errors", "cancelled")
ALL_SERIES = (*SERIES, *SEEN_COLUMNS)
# Of the LLM tokens in and out: a figure has those that there are.
PARTS = {"cached": "cached_tokens", "thoughts": "thought_tokens", "tool_use": "tool_use_tokens"}
DAY, HOUR = 24 * 60, 60  # minutes
# The present rate: long enough that a single burst does not make it.
RATE_MINUTES = 5
LATE_MINUTES = 5  # A process that was held up adds to minutes that are over.
DAY_KEPT_SECONDS = 60.0
WEEK_KEPT_SECONDS = 60.0
Value = TypeVar("Value")
Chart = dict[str, list[Any]]
Point = Sequence[Any]  # the start of a minute, then its counts in the order of ALL_SERIES


class Remembered(Generic[Value]):
    """What a function of the time says, kept for some seconds: it costs much and changes slowly."""

    def __init__(self, read: Callable[[datetime], Value], seconds: float) -> None:
        self._read = read
        self._seconds = timedelta(seconds=seconds)
        self._kept: tuple[datetime, Value] | None = None

    def kept(self, now: datetime) -> Value | None:
        """None: it would have to be read."""
        if self._kept is None or not self._kept[0] <= now < self._kept[0] + self._seconds:
            return None
        return self._kept[1]

    def at(self, now: datetime) -> Value:
        kept = self.kept(now)
        return self.read(now) if kept is None else kept

    def read(self, now: datetime) -> Value:
        self._kept = now, self._read(now)
        return self._kept[1]


class Traffic:
    """The last day by the minute and the last week by the hour.

    A query each, and only the last minutes in between.
    """

    def __init__(self) -> None:
        self._day = Remembered(lambda now: last_minutes(now, DAY), DAY_KEPT_SECONDS)
        self._week = Remembered(week, WEEK_KEPT_SECONDS)

    def week(self, now: datetime) -> Chart:
        return self._week.at(now)

    def day(self, now: datetime) -> list[Totals]:
        """1,440 minutes, the last of them the one that runs."""
        kept = self._day.kept(now)
        if kept is None:
            return self._day.read(now)
        late = last_minutes(now, LATE_MINUTES)
        return [*(minute for minute in kept if minute.since < late[0].since), *late][-DAY:]


class SecondsOfHour(Func):
    """The start of its hour in seconds since the epoch.

    Django's own way calls Python for each row under SQLite.
    """

    output_field = BigIntegerField()
    template = "(CAST(EXTRACT(EPOCH FROM %(expressions)s) AS bigint) / 3600 * 3600)"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(CAST(strftime('%%%%s', %(expressions)s) AS integer) / 3600 * 3600)"
        return super().as_sqlite(compiler, connection, template=template, **context)


def week(now: datetime) -> Chart:
    since = now - timedelta(days=7)
    rows = MinuteUsage.objects.filter(minute__gte=since, minute__lte=now).order_by()
    hours = rows.values(second=SecondsOfHour("minute")).annotate(
        **{f"sum_{name}": Sum(name) for name in ALL_SERIES}
    )
    points = (
        (datetime.fromtimestamp(second, UTC), *map(int, counts))
        for second, *counts in hours.values_list("second", *(f"sum_{name}" for name in ALL_SERIES))
    )
    return chart(points, now, points=7 * 24, minutes=60)


def charts(day: Sequence[Totals], week: Chart, now: datetime) -> dict[str, Chart]:
    rows = [(minute.since, *(getattr(minute, name) for name in ALL_SERIES)) for minute in day]
    return {
        "1h": chart(rows[-HOUR:], now, points=60, minutes=1),
        "24h": chart(rows, now, points=144, minutes=10),
        "7d": week,
    }


def chart(rows: Iterable[Point], now: datetime, *, points: int, minutes: int) -> Chart:
    """So many points of so many minutes, begun at multiples of these; the last one still runs."""
    width = minutes * 60
    last = int(now.timestamp()) // width
    sums = {number: [0] * len(ALL_SERIES) for number in range(last + 1 - points, last + 1)}
    for minute, *counts in rows:
        number = int(minute.timestamp()) // width
        if number in sums:
            sums[number] = list(map(int.__add__, sums[number], counts))
    labels = [iso_utc(datetime.fromtimestamp(number * width, UTC)) for number in sums]
    return {
        "labels": labels,
        **dict(zip(ALL_SERIES, map(list, zip(*sums.values(), strict=True)), strict=True)),
    }


def figures(day: Sequence[Totals], now: datetime) -> dict[str, Any]:
    """Of the last minutes, the last hour, and the day since midnight UTC."""
    hour, last = day[-HOUR:], day[-RATE_MINUTES:]
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = [minute for minute in day if minute.since >= midnight]
    answered = total(hour, "answered")
    latency = [sum(bucket) for bucket in zip(*(minute.latency for minute in hour), strict=True)]
    passed = (now - last[0].since) / timedelta(minutes=1)
    return {
        "requests_per_minute": round(total(last, "answered") / passed, 1),
        "success_rate": round(total(hour, "answered_well") / answered, 4) if answered else None,
        "rate_limited_today": total(today, "rate_limited"),
        "tokens_today": {
            "prompt": total(today, "prompt_tokens"),
            "output": total(today, "output_tokens"),
            **{name: count for name, column in PARTS.items() if (count := total(today, column))},
        },
        **cost_today(today),
        "p50_ms": _rounded(percentile(latency, 0.5)),
        "p95_ms": _rounded(percentile(latency, 0.95)),
    }


def cost_today(today: Sequence[Totals]) -> dict[str, Any]:
    """Nothing where nothing has cost anything. `unpriced`: LLM tokens without a price."""
    micros, unpriced = total(today, "cost_micros"), total(today, "unpriced_tokens")
    if not micros and not unpriced:
        return {}
    cost = f"{rounded_text(micros)} {_currency()}" if micros or not unpriced else None
    return {"cost_today": {"text": cost, "unpriced": unpriced}}


def _currency() -> str:
    """Both, on the day on which it changed."""
    known = current()
    return currency() if known is None else known.currencies.on(datetime.now(UTC).date())


def has_traffic(day: Iterable[Totals], week: Chart) -> bool:
    return any(any(week[name]) for name in SERIES) or any(
        minute.answered or minute.requests for minute in day
    )


def total(minutes: Iterable[Totals], column: str) -> int:
    return sum(getattr(minute, column) for minute in minutes)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
