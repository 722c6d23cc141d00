"""Filters by group. Most rows do not know theirs: they move with their key."""

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.filters import MAX_CHOICES, is_id, with_chosen
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.admin.records.capped_pages import of_keys
from proxyapp.models import ApiKey, DailyUsage, Group

# Where others lock a key's row, its last use is noted with its next one.
NOTED_LATE = timedelta(hours=1)


class GroupFilter(SimpleListFilter, ABC):
    title = _("group")
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        groups = Group.objects.values_list("pk", "name")[:MAX_CHOICES]
        return with_chosen([(str(pk), name) for pk, name in groups], self.value())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        group_id = self.value()
        if not group_id:
            return queryset
        if not is_id(group_id):
            return queryset.none()
        return self.of_group(request, queryset, int(group_id))

    @abstractmethod
    def of_group(
        self, request: HttpRequest, rows: QuerySet[Any], group_id: int
    ) -> QuerySet[Any]: ...


class GroupOfEventFilter(GroupFilter):
    parameter_name = "key__group__id__exact"

    def of_group(self, request: HttpRequest, rows: QuerySet[Any], group_id: int) -> QuerySet[Any]:
        return of_keys(request, rows, ApiKey.objects.filter(group=group_id), "occurred_at")


class GroupOfUsageFilter(GroupFilter):
    def of_group(self, request: HttpRequest, rows: QuerySet[Any], group_id: int) -> QuerySet[Any]:
        """Of the keys that were used, and not where none of them was yet, or still."""
        used = ApiKey.objects.filter(group=group_id, total__isnull=False)
        last = used.order_by().aggregate(last=Max("last_used_at"))["last"]
        if rows.model is DailyUsage:
            return of_keys(request, rows, used, "day")
        if last is not None:
            rows = rows.filter(hour__lte=last + NOTED_LATE)
        return of_keys(request, rows, used, "hour")
