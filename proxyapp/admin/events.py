"""Rate-limit events: what took keys out, until when, and the way to bring them back."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from proxyapp import keystate
from proxyapp.admin.filters import (
    CooldownFilter,
    DayOfEventFilter,
    KeyFilter,
    KindFilter,
    ModelOfEventFilter,
    ProjectFilter,
)
from proxyapp.admin.history import log_changes
from proxyapp.admin.readonly import NOTHING, ReadOnlyAdmin, second_text, seconds_text
from proxyapp.keyreport import countdown
from proxyapp.models import RateLimitEvent


@admin.register(RateLimitEvent)
class RateLimitEventAdmin(ReadOnlyAdmin[RateLimitEvent]):
    list_display = ("occurred", "key", "group", "kind", "for_model", "for_project", "until", "remaining", "released")
    list_filter = (
        CooldownFilter,
        KindFilter,
        ("key__group", admin.RelatedFieldListFilter),
        ModelOfEventFilter,
        ProjectFilter,
        DayOfEventFilter,
        KeyFilter,
    )
    search_fields = ("key__name", "key__masked", "key__project", "project", "model", "quota_id")
    search_help_text = "Key's name or masked form, a project, a model or the id of a quota"
    list_per_page = 100
    actions = ("release_cooldowns",)
    fields = (
        "key",
        "group",
        "for_project",
        "kind",
        "http_status",
        "for_model",
        "quota",
        "limit",
        "stated_delay",
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

    @admin.display(description="project", ordering="project")
    def for_project(self, event: RateLimitEvent) -> str:
        """Only of a cooldown that holds for all of the project's keys."""
        return event.project or NOTHING

    @admin.display(description="quota id")
    def quota(self, event: RateLimitEvent) -> str:
        return event.quota_id or NOTHING

    @admin.display
    def limit(self, event: RateLimitEvent) -> str:
        return event.quota_limit or NOTHING

    @admin.display
    def stated_delay(self, event: RateLimitEvent) -> str:
        return NOTHING if event.stated_delay_seconds is None else seconds_text(event.stated_delay_seconds)

    @admin.display(description="cooling until", ordering="cooling_until")
    def until(self, event: RateLimitEvent) -> str:
        """Nothing of a dead key: it waits for an operator, not for a time."""
        return second_text(event.cooling_until if event.cooling_until > event.occurred_at else None)

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
