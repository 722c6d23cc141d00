"""Lists of a million rows: no page counts them all or searches them all for a key's name."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from proxyapp.admin.parts.looking_back import newest
from proxyapp.models import ApiKey, RemovedKey

# Few enough for a list of ids in the query.
FEW_KEYS = 500

if TYPE_CHECKING:
    RowPaginator = Paginator[Any]
else:
    RowPaginator = Paginator


class CappedPaginator(RowPaginator):
    """Leads to the first `most` rows; what lies behind is found with the filters.

    `is_cut`: it is given the newest, and there are more.
    """

    most = 10_000
    is_cut = False

    @cached_property
    def count(self) -> int:
        return min(self._count_up_to_one_more, self.most)

    @property
    def is_capped(self) -> bool:
        return self.is_cut or self._count_up_to_one_more > self.most

    def page(self, number: int | str) -> "Page[Any]":
        """Only of the rows that are shown more is read than their ids."""
        page = super().page(number)
        shown: QuerySet[Any] = page.object_list  # type: ignore[assignment]
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        page.object_list = rows.filter(pk__in=list(shown.values_list("pk", flat=True)))
        return page

    @cached_property
    def _count_up_to_one_more(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.most + 1].count()


class LongPaginator(CappedPaginator):
    most = 50_000


def of_keys_named(
    request: HttpRequest, rows: QuerySet[Any], text: str, column: str, others: Q | None = None
) -> QuerySet[Any]:
    """Of rows that belong to a key: each word is in its name, its masked form or its project.

    Or `others` holds for them. `column`: their time.
    """
    keys = ApiKey.objects.all()
    removed = RemovedKey.objects.all()
    for word in text.split():
        keys = keys.filter(
            Q(name__icontains=word) | Q(masked__icontains=word) | Q(project__icontains=word)
        )
        removed = removed.filter(label__icontains=word)
    return of_keys(request, rows, keys, column, removed, others)


def of_keys(
    request: HttpRequest,
    rows: QuerySet[Any],
    keys: QuerySet[ApiKey],
    column: str,
    removed: QuerySet[RemovedKey] | None = None,
    others: Q | None = None,
) -> QuerySet[Any]:
    """Rows of few keys are fetched and sorted; for those of many, the newest are gone through."""
    few = list(keys.order_by().values_list("pk", flat=True)[: FEW_KEYS + 1])
    gone = [] if removed is None else list(removed.values_list("pk", flat=True)[: FEW_KEYS + 1])
    if others is None and len(few) + len(gone) <= FEW_KEYS:
        return rows.filter(key_id__in=[*few, *gone])
    of_these = Q(key_id__in=few)
    if len(few) > FEW_KEYS:
        of_these = Q(Exists(keys.order_by().filter(pk=OuterRef("key_id"))))
    if removed is not None:
        of_these |= Q(key_id__in=removed.values("key_id"))
    return newest(request, rows, column).filter(of_these | (others or Q()))
