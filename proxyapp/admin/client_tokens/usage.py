"""What clients with one token did in the last days: a chart, a table by day, one by model."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.utils.safestring import SafeString

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
        return (
            f"{self.requests:,} requests, {self.succeeded:,} succeeded; {self.refused:,} more"
            f" refused by a limit{self._also_refused}; {tokens_in_and_out(self)}"
        )

    @property
    def _also_refused(self) -> str:
        return f", {self.not_allowed:,} not allowed" if self.not_allowed else ""


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
                f"{day:%b} {day.day}: {counts.title}",
            )
            for day, counts in self.days
        ]
        return bar_chart(bars, f"{self.total.requests:,} requests in {len(self.days)} days")

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
