"""What clients with one token did in the last days: a chart, a table by day, one by model."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext

from proxyapp.admin.parts.cells import rate, short_tokens, token_parts, tokens_in_and_out
from proxyapp.admin.parts.svg_charts import ChartBar, bar_chart
from proxyapp.ledger.model_names import OTHERS
from proxyapp.models import TokenUsage

# A month: a bar of the chart each.
DAYS = 30
# More are no table that anybody reads; what is left over is one row.
MOST_MODELS = 40


class TokenCounts(NamedTuple):
    requests: int = 0
    succeeded: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0
    tool_use_tokens: int = 0
    not_allowed: int = 0

    @property
    def held(self) -> int:
        """What was refused before it came to a key."""
        return self.refused + self.not_allowed

    @property
    def failed(self) -> int:
        return self.requests - self.succeeded

    @property
    def held_back(self) -> str:
        """In the chart's legend."""
        text = (
            gettext(
                "%(failed)s failed, %(refused)s refused by a limit, %(not_allowed)s not allowed"
            )
            if self.not_allowed
            else gettext("%(failed)s failed, %(refused)s refused by a limit")
        )
        names = ("failed", "refused", "not_allowed")
        return text % {name: f"{getattr(self, name):,}" for name in names}

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
        text = (
            gettext(
                "%(requests)s requests, %(succeeded)s succeeded; %(refused)s more refused by a"
                " limit, %(not_allowed)s not allowed; %(tokens)s"
            )
            if self.not_allowed
            else gettext(
                "%(requests)s requests, %(succeeded)s succeeded; %(refused)s more refused by a"
                " limit; %(tokens)s"
            )
        )
        names = ("requests", "succeeded", "refused", "not_allowed")
        counts = {name: f"{getattr(self, name):,}" for name in names}
        return text % {**counts, "tokens": tokens_in_and_out(self)}


@dataclass(frozen=True, slots=True)
class TokenUsageTables:
    """`days`: every one, the newest last. `models`: those that were used most first."""

    days: Sequence[tuple[date, TokenCounts]]
    models: Sequence[tuple[str, TokenCounts]]
    total: TokenCounts

    def chart(self) -> SafeString:
        """What succeeded below, what failed or was refused on top."""
        bars = [
            ChartBar(
                counts.succeeded,
                counts.requests + counts.held,
                f"{short_day(day)}: {counts.title}",
            )
            for day, counts in self.days
        ]
        text = ngettext(
            "%(count)s request in %(days)d days",
            "%(count)s requests in %(days)d days",
            self.total.requests,
        )
        count = f"{self.total.requests:,}"
        return bar_chart(bars, text % {"count": count, "days": len(self.days)})

    @property
    def first_day(self) -> str:
        return short_day(self.days[0][0])

    def newest_first(self) -> list[tuple[date, TokenCounts]]:
        return [(day, counts) for day, counts in reversed(self.days) if any(counts)]


def usage_of_token(token_id: int, now: datetime) -> TokenUsageTables:
    """One query."""
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    rows = TokenUsage.objects.filter(token=token_id, day__gte=days[0], day__lte=today).order_by()
    of_day: defaultdict[date, list[TokenCounts]] = defaultdict(list)
    of_model: defaultdict[str, list[TokenCounts]] = defaultdict(list)
    for day, model, *counts in rows.values_list("day", "model", *TokenCounts._fields):
        of_day[day].append(TokenCounts(*counts))
        of_model[model].append(TokenCounts(*counts))
    models = [(model, _sum(counts)) for model, counts in of_model.items()]
    models.sort(key=lambda row: (row[0] == OTHERS, -row[1].requests, -row[1].held, row[0]))
    if len(models) > MOST_MODELS:
        rest = _sum(counts for _, counts in models[MOST_MODELS:])
        models[MOST_MODELS:] = [(OTHERS, rest)]
    return TokenUsageTables(
        [(day, _sum(of_day[day])) for day in days], models, _sum(row[1] for row in models)
    )


def _sum(counts: Iterable[TokenCounts]) -> TokenCounts:
    columns = list(zip(*counts, strict=True))
    return TokenCounts(*map(sum, columns)) if columns else TokenCounts()


def short_day(day: date) -> str:
    return date_format(day, pgettext("date format", "M j"))
