"""What no index finds is looked for among the newest rows: no page goes through millions."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from proxyapp.admin.parts.unfold_typed import ChangeList

# A tenth of a second's work.
MOST_ROWS = 100_000
MARK = "looked_back_through_the_newest"


def newest(request: HttpRequest, rows: QuerySet[Any], column: str) -> QuerySet[Any]:
    """`rows`: as narrow as indexes make them. `column`: their time."""
    if is_partial(request):
        return rows
    times = rows.order_by(f"-{column}").values_list(column, flat=True)
    border = list(times[MOST_ROWS : MOST_ROWS + 1])
    if not border:
        return rows
    request.__dict__[MARK] = True
    return rows.filter(**{f"{column}__gte": border[0]})


def is_partial(request: HttpRequest) -> bool:
    """Whether there may be more behind what was looked through."""
    return MARK in request.__dict__


class NewestChangeList(ChangeList):
    """With a paginator that leads to the first `most` rows.

    `looked_through`: in how many of the newest rows; empty: in all.
    """

    looked_through = ""
    _is_cut = False

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Millions of rows are not sorted: of more than the pages lead to, those are."""
        rows = super().get_queryset(request, exclude_parameters)
        in_turn, order = self.model_admin.get_ordering(request), rows.query.order_by
        if not order or str(order[0]) == in_turn[0] or not self._are_many(rows):
            return rows
        self._is_cut = True
        first = rows.order_by(*in_turn).values("pk")[: self._most]
        return self.model_admin.get_queryset(request).filter(pk__in=first).order_by(*order)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.paginator.is_cut = self._is_cut
        if is_partial(request):
            self.looked_through = f"{MOST_ROWS:,}"

    def _are_many(self, rows: QuerySet[Any]) -> bool:
        return rows.order_by()[: self._most + 1].count() > self._most

    @property
    def _most(self) -> int:
        return int(self.model_admin.paginator.most)  # type: ignore[attr-defined]
