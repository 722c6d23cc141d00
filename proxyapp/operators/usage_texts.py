"""Reports of usage as JSON and CSV, for programs and spreadsheets."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from proxyapp.costs.currencies import Change
from proxyapp.operators.csv_text import csv_text
from proxyapp.operators.usage_report import UsageCounts, UsageReport
from proxyapp.vocabulary.money import plain_amount, rounded_text

HEAD = tuple("cost" if name == "cost_micros" else name for name in UsageCounts._fields)


def usage_json(report: UsageReport) -> Mapping[str, Any]:
    return {
        "by": report.by,
        "from": report.range.first.isoformat(),
        "to": report.range.last.isoformat(),
        "zone": "UTC",
        "currency": str(report.currencies),
        "total": counts_json(report.total),
        "rows": [{report.by: row.label, **counts_json(row.counts)} for row in report.rows],
        "days": [{"day": str(day), **counts_json(counts)} for day, counts in report.days],
        **_changes(report.currencies.changes),
    }


def _changes(changes: Sequence[Change]) -> Mapping[str, Any]:
    """Where there are any: amounts of these days are of both, and totals add them up."""
    told = [{"day": str(day), "from": before, "to": after} for day, before, after in changes]
    return {"currency_changes": told} if told else {}


def change_text(change: Change) -> str:
    return (
        _(
            "On %(day)s the currency changed from %(before)s to %(after)s: amounts of that day may"
            " be in either, and totals add up both as they stand."
        )
        % change._asdict()
    )


def counts_json(counts: UsageCounts) -> Mapping[str, int | str]:
    """`cost` is text: an amount is no number of floating point."""
    return dict(zip(HEAD, _values(counts), strict=True))


def usage_csv(report: UsageReport) -> str:
    """A row a name, without a total: spreadsheets add up."""
    cost = report.currencies.column
    head = [report.by, *(cost if name == "cost" else name for name in HEAD)]
    return csv_text(head, ([label, *_values(counts)] for label, counts in report.rows))


def cost_text(counts: UsageCounts) -> str:
    """`1.50`, or with what is not in it: `1.50 + 20 tokens without a price`."""
    if not counts.unpriced_tokens:
        return rounded_text(counts.cost_micros)
    text = (
        _("%(cost)s + %(number)s tokens without a price")
        if counts.cost_micros
        else _("%(number)s tokens without a price")
    )
    return text % {
        "cost": rounded_text(counts.cost_micros),
        "number": f"{counts.unpriced_tokens:,}",
    }


def _values(counts: UsageCounts) -> tuple[int | str, ...]:
    *numbers, cost, unpriced = counts
    return (*numbers, plain_amount(cost), unpriced)
