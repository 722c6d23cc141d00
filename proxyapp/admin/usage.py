"""What was used by the hour, and where the rotation stands."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from proxyapp.admin.filters import DayFilter, KeyFilter
from proxyapp.admin.readonly import ReadOnlyAdmin
from proxyapp.keyreport import utc_text
from proxyapp.models import HourlyUsage, RotationCursor


@admin.register(HourlyUsage)
class HourlyUsageAdmin(ReadOnlyAdmin[HourlyUsage]):
    list_display = (
        "starting",
        "key",
        "group",
        "model",
        "requests",
        "succeeded",
        "rate_limited",
        "client_errors",
        "upstream_errors",
        "cancelled",
        "prompt_tokens",
        "output_tokens",
    )
    list_filter = (DayFilter, ("key__group", admin.RelatedFieldListFilter), "model", KeyFilter)
    search_fields = ("key__name", "key__masked", "key__project", "model")
    search_help_text = "Key's name, masked form or project, or a model"
    list_per_page = 100

    def get_queryset(self, request: HttpRequest) -> QuerySet[HourlyUsage]:
        rows = super().get_queryset(request).select_related("key__group")
        return rows.defer("key__secret", "key__group__proxy_url")

    @admin.display(description="hour", ordering="hour")
    def starting(self, usage: HourlyUsage) -> str:
        return utc_text(usage.hour)

    @admin.display(ordering="key__group__position")
    def group(self, usage: HourlyUsage) -> str:
        return usage.key.group.name


@admin.register(RotationCursor)
class RotationCursorAdmin(ReadOnlyAdmin[RotationCursor]):
    list_display = ("__str__", "next_key", "position", "pool_version")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RotationCursor]:
        return super().get_queryset(request).select_related("next_key").defer("next_key__secret")
