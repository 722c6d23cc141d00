"""Lists of a million rows: no page counts them all or searches them all for a key's name."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet

from proxyapp.models import ApiKey, RemovedKey

# Few enough for a list of ids in the query.
FEW_KEYS = 500

if TYPE_CHECKING:
    RowPaginator = Paginator[Any]
else:
    RowPaginator = Paginator


class CappedPaginator(RowPaginator):
    """Leads to the first `most` rows; what lies behind is found with the filters."""

    most = 10_000
    template_name = "admin/proxyapp/usage/pagination.html"

    @cached_property
    def count(self) -> int:
        return min(self._count_up_to_one_more, self.most)

    @property
    def is_capped(self) -> bool:
        return self._count_up_to_one_more > self.most

    @cached_property
    def _count_up_to_one_more(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.most + 1].count()


class LongPaginator(CappedPaginator):
    most = 50_000


def rows_of_keys_named(text: str) -> Q:
    """For rows that belong to a key: each word is in its name, its masked form or its project."""
    keys = ApiKey.objects.all()
    removed = RemovedKey.objects.all()
    for word in text.split():
        keys = keys.filter(
            Q(name__icontains=word) | Q(masked__icontains=word) | Q(project__icontains=word)
        )
        removed = removed.filter(label__icontains=word)
    return rows_of(keys) | Q(key_id__in=removed.values("key_id"))


def rows_of(keys: QuerySet[ApiKey]) -> Q:
    """Rows of few keys are fetched and sorted; of many, the newest are gone through."""
    few = list(keys.order_by().values_list("pk", flat=True)[: FEW_KEYS + 1])
    if len(few) <= FEW_KEYS:
        return Q(key__in=few)
    return Q(Exists(keys.order_by().filter(pk=OuterRef("key_id"))))
