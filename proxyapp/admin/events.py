"""Rate-limit events: what took keys out, until when, and the way to bring them back."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from proxyapp import keystate
from proxyapp.admin.filters import CooldownFilter, DayOfEventFilter, KeyFilter
from proxyapp.admin.history import log_changes
from proxyapp.admin.readonly import NOTHING, ReadOnlyAdmin, second_text
from proxyapp.keyreport import countdown
from proxyapp.models import RateLimitEvent


@admin.register(RateLimitEvent)
class RateLimitEventAdmin(ReadOnlyAdmin[RateLimitEvent]):
    list_display = ("occurred", "key", "group", "kind", "for_model", "until", "remaining", "released")
    list_filter = (
        CooldownFilter,
        "kind",
        ("key__group", admin.RelatedFieldListFilter),
        "model",
        DayOfEventFilter,
        KeyFilter,
    )
    search_fields = ("key__name", "key__masked", "key__project", "model")
    search_help_text = "Key's name, masked form or project, or a model"
    list_per_page = 100
    actions = ("release_cooldowns",)
    fields = (
        "key",
        "group",
        "kind",
        "http_status",
        "for_model",
        "occurred",
        "until",
        "remaining",
        "released",
        "excerpt",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RateLimitEvent]:
        events = super().get_queryset(request).select_related("key__group")
        return events.defer("key__secret", "key__group__proxy_url")

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("proxyapp.change_ratelimitevent")

    @admin.display(ordering="occurred_at")
    def occurred(self, event: RateLimitEvent) -> str:
        return second_text(event.occurred_at)

    @admin.display(ordering="key__group__position")
    def group(self, event: RateLimitEvent) -> str:
        return event.key.group.name

    @admin.display(description="model", ordering="model")
    def for_model(self, event: RateLimitEvent) -> str:
        return event.model or "all"

    @admin.display(description="cooling until", ordering="cooling_until")
    def until(self, event: RateLimitEvent) -> str:
        return second_text(event.cooling_until)

    @admin.display
    def remaining(self, event: RateLimitEvent) -> str:
        now = timezone.now()
        return countdown(event.cooling_until, now) if event.is_active(now) else NOTHING

    @admin.display(description="released by hand", ordering="released_at")
    def released(self, event: RateLimitEvent) -> str:
        return second_text(event.released_at)

    @admin.action(description="Release (end these cooldowns)", permissions=["release"])
    def release_cooldowns(self, request: HttpRequest, queryset: QuerySet[RateLimitEvent]) -> None:
        now = timezone.now()
        selected = list(queryset.order_by().values_list("pk", flat=True))
        active = RateLimitEvent.objects.active(now).filter(pk__in=selected)
        with transaction.atomic():
            ids = list(active.values_list("pk", flat=True))
            released = keystate.release_events(ids, now)
            log_changes(request, RateLimitEvent.objects.filter(pk__in=ids), "Released.")
        level = messages.SUCCESS if released else messages.WARNING
        self.message_user(request, f"Released {released} of {len(selected)} selected cooldowns.", level)
