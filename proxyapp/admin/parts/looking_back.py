"""What no index finds is looked for among the newest rows: no page goes through millions."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from proxyapp.admin.parts.unfold_typed import ChangeList

# A tenth of a second's work.
MOST_ROWS = 100_000
MOST_SORTED = 10_000
MARK = "looked_back_through_the_newest"


def newest(request: HttpRequest, rows: QuerySet[Any], column: str) -> QuerySet[Any]:
    """`rows`: as narrow as indexes make them. `column`: their time."""
    if is_partial(request):
        return rows
    border = _border(rows, column, MOST_ROWS)
    if border:
        request.__dict__[MARK] = True
    return rows.filter(**border)


def is_partial(request: HttpRequest) -> bool:
    """Whether there may be more behind what was looked through."""
    return MARK in request.__dict__


class NewestChangeList(ChangeList):
    """`looked_through`: in how many of the newest rows; empty: in all."""

    looked_through = ""
    _is_cut = False

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Millions of rows are not sorted: of many, the newest are."""
        rows = super().get_queryset(request, exclude_parameters)
        in_turn, order = self.model_admin.get_ordering(request)[0], rows.query.order_by
        if not order or str(order[0]) == in_turn:
            return rows
        border = _border(rows, in_turn.lstrip("-"), MOST_SORTED)
        self._is_cut = bool(border)
        return rows.filter(**border)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.paginator.is_cut = self._is_cut
        if is_partial(request):
            self.looked_through = f"{MOST_ROWS:,}"


def _border(rows: QuerySet[Any], column: str, most: int) -> dict[str, Any]:
    """A filter for the newest, so many and those of the same time; empty: there are not more.

    A range of times, because for ids out of a subquery PostgreSQL reads the whole table.
    """
    times = rows.order_by(f"-{column}").values_list(column, flat=True)
    return {f"{column}__gte": time for time in times[most : most + 1]}
