"""What a key was used for in the last days: a chart by day, and a table by model and day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from proxyapp.admin.parts.cells import compact, rate, short_tokens, token_parts, tokens_in_and_out
from proxyapp.admin.parts.svg_charts import ChartBar, bar_chart
from proxyapp.ledger.model_names import OTHERS
from proxyapp.operators.attempt_days import attempts_by_day
from proxyapp.operators.usage_ranges import DayRange

# Two weeks: this one beside the last.
DAYS = 14
# More are no table that anybody reads; what is left over is one row.
MOST_MODELS = 40


class KeyCounts(NamedTuple):
    requests: int = 0
    succeeded: int = 0
    rate_limited: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0
    tool_use_tokens: int = 0

    @property
    def shown(self) -> str:
        return compact(self.requests) if self.requests else ""

    @property
    def success(self) -> str:
        return rate(self.succeeded, self.requests)

    @property
    def tokens(self) -> str:
        return short_tokens(self)

    @property
    def token_parts(self) -> str:
        return token_parts(self)

    @property
    def title(self) -> str:
        return _(
            "%(requests)s requests, %(succeeded)s succeeded, %(limited)s rate-limited; %(tokens)s"
        ) % {
            "requests": f"{self.requests:,}",
            "succeeded": f"{self.succeeded:,}",
            "limited": f"{self.rate_limited:,}",
            "tokens": tokens_in_and_out(self),
        }


class UsageOfModel(NamedTuple):
    """`days`: in the order of the table."""

    model: str
    days: Sequence[KeyCounts]
    total: KeyCounts


@dataclass(frozen=True, slots=True)
class UsageTable:
    days: Sequence[date]
    models: Sequence[UsageOfModel]
    total: UsageOfModel

    def chart(self) -> SafeString:
        bars = [
            ChartBar(counts.succeeded, counts.requests, _title_of_day(day, counts))
            for day, counts in zip(self.days, self.total.days, strict=True)
        ]
        counts = {"count": f"{self.total.total.requests:,}", "days": len(self.days)}
        return bar_chart(bars, _("%(count)s requests in %(days)d days") % counts)


def _title_of_day(day: date, counts: KeyCounts) -> str:
    shown_day = date_format(day, pgettext("format of a date", "M j"))
    return f"{shown_day}: {counts.title}"


def usage_of_key(key_id: int, now: datetime) -> UsageTable:
    """One query. The models that were used most come first."""
    today = now.astimezone(UTC).date()
    shown_days = DayRange(today - timedelta(days=DAYS - 1), today)
    days, counts = shown_days.days, _counts(key_id, shown_days)
    models = [
        _of_model(model, [by_day.get(day, KeyCounts()) for day in days])
        for model, by_day in counts.items()
    ]
    models.sort(key=lambda usage: (usage.model == OTHERS, -usage.total.requests, usage.model))
    shown, rest = models[:MOST_MODELS], models[MOST_MODELS:]
    if rest:
        shown.append(_of_model(OTHERS, _sums_of_days(rest)))
    return UsageTable(days, shown, _of_model("", _sums_of_days(shown)))


def _sums_of_days(models: Sequence[UsageOfModel]) -> list[KeyCounts]:
    columns = zip(*(usage.days for usage in models), strict=True) if models else ((),) * DAYS
    return [_sum(column) for column in columns]


def _of_model(model: str, days: Sequence[KeyCounts]) -> UsageOfModel:
    return UsageOfModel(model, days, _sum(days))


def _counts(key_id: int, days: DayRange) -> Mapping[str, Mapping[date, KeyCounts]]:
    counts: defaultdict[str, dict[date, KeyCounts]] = defaultdict(dict)
    for model, day, sums in attempts_by_day("model", KeyCounts._fields, days, key=key_id):
        counts[model][day] = _sum([counts[model].get(day, KeyCounts()), KeyCounts(*sums)])
    return counts


def _sum(counts: Iterable[KeyCounts]) -> KeyCounts:
    columns = list(zip(*counts, strict=True))
    return KeyCounts(*map(sum, columns)) if columns else KeyCounts()
