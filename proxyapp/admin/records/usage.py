"""What was used by the hour and by the day, and where the rotation stands."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, Prefetch, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.filters import MAX_CHOICES, DayFilter, KeyFilter, with_chosen
from proxyapp.admin.parts.looking_back import NewestChangeList
from proxyapp.admin.parts.moments import local_time
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.readonly import NOTHING, ReadOnlyAdmin
from proxyapp.admin.parts.unfold_typed import ChangeList, ModelAdmin
from proxyapp.admin.records.capped_pages import LongPaginator, of_keys_named
from proxyapp.admin.records.group_filters import GroupOfUsageFilter
from proxyapp.ledger.usage import COLUMNS
from proxyapp.models import ApiKey, DailyUsage, HourlyUsage, RemovedKey, RotationCursor

# There is no table of models: they are looked for among so many rows, which costs little.
RECENT_ROWS = 5000
# As many as a key's own page shows.
DAYS_OFFERED = 14

# Of the columns that count.
HEADS = {
    "requests": _("requests"),
    "succeeded": _("succeeded"),
    "rate_limited": _("rate limited"),
    "client_errors": _("client errors"),
    "upstream_errors": _("upstream errors"),
    "cancelled": _("cancelled"),
    "prompt_tokens": _("prompt tokens"),
    "output_tokens": _("output tokens"),
    "cached_tokens": _("cached tokens"),
    "thought_tokens": _("thought tokens"),
    "tool_use_tokens": _("tool use tokens"),
    "cost_micros": _("cost micros"),
    "unpriced_tokens": _("unpriced tokens"),
}

UsageRow = TypeVar("UsageRow", bound=Model)


def time_column_of(table: type[Model]) -> str:
    return "day" if table is DailyUsage else "hour"


class ModelOfUsageFilter(SimpleListFilter):
    """Offers the models of recent rows, and one that a link chose: there is no list of all."""

    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        usage = model_admin.model._default_manager
        column = time_column_of(model_admin.model)
        recent = usage.order_by(f"-{column}").values_list("model", flat=True)
        models = sorted(set(recent[:RECENT_ROWS]) - {""})[:MAX_CHOICES]
        return with_chosen([(model, model) for model in models], self.value())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        model = self.value()
        return queryset.filter(model=model) if model else queryset


class DayOfDailyUsageFilter(SimpleListFilter):
    """The newest days that there are: they are older than the hours that are kept."""

    title = _("day (UTC)")
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        newest = (
            DailyUsage.objects.order_by("-day").values_list("day", flat=True).first()
            or timezone.now().date()
        )
        days = [(newest - timedelta(days=ago)).isoformat() for ago in range(DAYS_OFFERED)]
        return with_chosen([(day, day) for day in days], self.value())

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DailyUsage]
    ) -> QuerySet[DailyUsage]:
        if not self.value():
            return queryset
        try:
            return queryset.filter(day=date.fromisoformat(self.value() or ""))
        except ValueError:
            return queryset.none()


class UsageChangeList(NewestChangeList):
    """`totals` of all rows that the filters leave; None when they are too many to be added up."""

    totals: Mapping[str, str] | None = None
    max_rows_summed = f"{LongPaginator.most:,}"

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        gone = [row for row in self.result_list if row.key is None]
        removed = RemovedKey.objects.in_bulk([row.key_id for row in gone]) if gone else {}
        for row in gone:
            row.removed = removed.get(row.key_id)
        if not (self.looked_through or self.paginator.is_capped):
            rows = self.queryset.order_by()
            sums = rows.aggregate(**{column: Sum(column, default=0) for column in COLUMNS})
            self.totals = {str(HEADS[column]): f"{sums[column]:,}" for column in COLUMNS}


def counted_rows(column: str) -> Callable[[Model], str]:
    """A column of the list: `1,234,567`."""

    def shown(row: Model) -> str:
        return f"{getattr(row, column):,}"

    shown.__name__ = column
    return admin.display(shown, description=HEADS[column], ordering=column)


class UsageAdmin(ReadOnlyAdmin[UsageRow]):
    time_column: str
    search_fields = ("key__name", "key__masked", "key__project")
    search_help_text = _("Key's name, masked form or project")
    list_per_page = 100
    paginator = LongPaginator
    list_before_template = "admin/proxyapp/usage/totals.html"

    class Media:
        css = {"all": ("proxyapp/groups.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsageRow]:
        """Keys are read beside the rows: a join would leave out those whose key is gone."""
        keys = ApiKey.objects.select_related("group").defer(
            "secret", "group__proxy_url", "group__proxy_pool"
        )
        return super().get_queryset(request).prefetch_related(Prefetch("key", keys))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """As the index of the times has them: nothing is sorted."""
        return f"-{self.time_column}", "-pk"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[UsageRow], search_term: str
    ) -> tuple[QuerySet[UsageRow], bool]:
        if search_term.strip():
            queryset = of_keys_named(request, queryset, search_term, self.time_column)
        return queryset, False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UsageChangeList

    @admin.display(description=_("key"), ordering="key_id")
    def of_key(self, usage: HourlyUsage | DailyUsage) -> str:
        if usage.key is not None:
            return str(usage.key)
        return str(usage.removed or gettext("key %(id)d, removed") % {"id": usage.key_id})

    @admin.display(description=_("group"))
    def group(self, usage: HourlyUsage | DailyUsage) -> str:
        if usage.key is not None:
            return usage.key.group.name
        return usage.removed.group if usage.removed else NOTHING


@admin.register(HourlyUsage)
class HourlyUsageAdmin(UsageAdmin[HourlyUsage]):
    words = Words(_("row"), _("rows"), _("Usage by hour"), none=_("No request was answered yet."))
    time_column = "hour"
    list_display = (
        "starting",
        "of_key",
        "group",
        "model",
        *(counted_rows(column) for column in COLUMNS),
    )
    list_filter = (DayFilter, ModelOfUsageFilter, KeyFilter, GroupOfUsageFilter)

    @admin.display(description=_("hour"), ordering="hour")
    def starting(self, usage: HourlyUsage) -> str:
        return local_time(usage.hour)


@admin.register(DailyUsage)
class DailyUsageAdmin(UsageAdmin[DailyUsage]):
    words = Words(_("row"), _("rows"), _("Usage by day"), none=_("No day is summed up yet."))
    time_column = "day"
    list_display = (
        "on_day",
        "of_key",
        "group",
        "model",
        *(counted_rows(column) for column in COLUMNS),
    )
    list_filter = (DayOfDailyUsageFilter, ModelOfUsageFilter, KeyFilter, GroupOfUsageFilter)

    @admin.display(description=_("day (UTC)"), ordering="day")
    def on_day(self, usage: DailyUsage) -> str:
        return usage.day.isoformat()


@admin.register(RotationCursor)
class RotationCursorAdmin(ReadOnlyAdmin[RotationCursor]):
    """What the rotation keeps for itself: for who looks for a fault, and knows the address."""

    list_display = ("__str__", "next_key", "position", "pool_version")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RotationCursor]:
        return super().get_queryset(request).select_related("next_key").defer("next_key__secret")
