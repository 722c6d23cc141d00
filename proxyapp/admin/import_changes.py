"""What an import would change, for a page: the report of a dry run, sorted by kind."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from proxyapp.admin.parts.badges import Variant
from proxyapp.config.report import FieldChange, OrderChange, Report, RowChange
from proxyapp.models import Group

MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """`fields`: each with its old and its new value."""

    text: str
    fields: Sequence[FieldChange] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """`more`: how many entries are not shown."""

    title: str
    variant: Variant
    count: int
    entries: Sequence[Entry]

    @property
    def more(self) -> int:
        return self.count - len(self.entries)


def parts(report: Report) -> list[Part]:
    """Those that are not empty."""
    created = _of(report, "add")
    groups_first = sorted(created, key=lambda change: not isinstance(change.row, Group))
    kinds: list[tuple[str, Variant, Sequence[RowChange | OrderChange]]] = [
        (_("Created"), "success", groups_first),
        (_("Changed"), "warning", _of(report, "change")),
        (_("Removed"), "danger", _of(report, "delete")),
        (_("Order"), "info", report.orders),
    ]
    return [
        Part(title, variant, len(changes), [_entry(change) for change in changes[:MAX_SHOWN]])
        for title, variant, changes in kinds
        if changes
    ]


def fingerprint(report: Report, others: Iterable[str] = ()) -> str:
    """Equal for equal changes. `others`: what is done beside those of the report."""
    lines = [*report.lines(), *map(str, report.entries), *others]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _of(report: Report, action: str) -> list[RowChange]:
    return [change for change in report.rows if change.action == action]


def _entry(change: RowChange | OrderChange) -> Entry:
    if isinstance(change, OrderChange):
        return Entry(str(change))
    return Entry(change.subject, change.fields)
