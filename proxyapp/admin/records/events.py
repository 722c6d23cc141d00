"""Rate-limit events: what took keys out, until when, and the way to bring them back."""

from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.asked_again import asked_again
from proxyapp.admin.parts.audited import log_in_history
from proxyapp.admin.parts.badges import kind_badge
from proxyapp.admin.parts.filters import (
    CooldownFilter,
    DayOfEventFilter,
    KeyFilter,
    KindFilter,
    ModelOfEventFilter,
    ProjectOfEventFilter,
)
from proxyapp.admin.parts.looking_back import NewestChangeList
from proxyapp.admin.parts.moments import local_time, remaining_time
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.readonly import NOTHING, ReadOnlyAdmin, pretty, seconds_text
from proxyapp.admin.parts.unfold_typed import ChangeList
from proxyapp.admin.records.capped_pages import CappedPaginator, of_keys_named
from proxyapp.admin.records.event_hours import last_hours
from proxyapp.admin.records.group_filters import GroupOfEventFilter
from proxyapp.models import RateLimitEvent, audit
from proxyapp.operators import key_actions
from proxyapp.operators.event_report import releases
from proxyapp.provider.kind_sets import CONDEMNING_KINDS
from proxyapp.provider.kinds import SPECS


@admin.register(RateLimitEvent)
class RateLimitEventAdmin(ReadOnlyAdmin[RateLimitEvent]):
    words = Words(_("event"), _("events"), none=_("No provider has refused a key yet."))
    list_display = (
        "occurred",
        "kind_badge",
        "key",
        "group",
        "for_model",
        "for_project",
        "until",
        "remaining",
        "status",
        "released",
    )
    list_filter = (  # what an index finds comes first
        DayOfEventFilter,
        ProjectOfEventFilter,
        KeyFilter,
        CooldownFilter,
        KindFilter,
        GroupOfEventFilter,
        ModelOfEventFilter,
    )
    search_fields = (
        "key__name",
        "key__masked",
        "key__project",
        "project",
        "model",
        "quota_id",
        "request_id",
    )
    search_help_text = _("Key's name or masked form, a project, a model, a quota's or request's id")
    list_per_page = 100
    paginator = CappedPaginator
    ordering = ("-occurred_at", "pk")  # as the index has them: nothing is sorted
    actions = ("release_cooldowns",)
    list_before_template = "admin/proxyapp/ratelimitevent/hours.html"
    change_form_template = "admin/proxyapp/ratelimitevent/change_form.html"
    fields = (
        "key_link",
        "group",
        "for_project",
        "kind_badge",
        "meaning",
        "status",
        "client",
        "for_model",
        "quota",
        "limit",
        "stated_delay",
        "occurred",
        "until",
        "remaining",
        "released",
        "of_request",
        "body",
    )

    class Media:
        css = {"all": ("proxyapp/groups.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RateLimitEvent]:
        events = super().get_queryset(request).select_related("key__group", "key__probe", "client")
        return events.defer("key__secret", "key__group__proxy_url", "key__group__proxy_pool")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RateLimitEvent], search_term: str
    ) -> tuple[QuerySet[RateLimitEvent], bool]:
        """Keys are looked for among the keys, and not once for each event."""
        text = search_term.strip()
        if not text:
            return queryset, False
        columns = ("project", "model", "quota_id", "request_id")
        own = (Q(**{f"{column}__icontains": text}) for column in columns)
        others = reduce(or_, own)
        return of_keys_named(request, queryset, text, "occurred_at", others), False

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        is_filter = lookup == GroupOfEventFilter.parameter_name
        return is_filter or super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestChangeList

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("proxyapp.change_ratelimitevent")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.release_view)
        return [
            path("<path:object_id>/release/", view, name="proxyapp_ratelimitevent_release"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        hours = last_hours(timezone.now()) if request.method == "GET" else None
        return super().changelist_view(request, {"hours": hours, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        event = context.get("original")
        is_active = event is not None and event.is_active(timezone.now())
        context["may_release"] = is_active and self.has_release_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def release_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST" or not self.has_release_permission(request):
            raise PermissionDenied
        event = self.get_object(request, object_id)
        if event is None:
            raise Http404(gettext("There is no such event."))
        self.release_cooldowns(request, RateLimitEvent.objects.filter(pk=event.pk))
        return HttpResponseRedirect(
            reverse("admin:proxyapp_ratelimitevent_change", args=[event.pk])
        )

    @admin.display(description=_("occurred"), ordering="occurred_at")
    def occurred(self, event: RateLimitEvent) -> str:
        return local_time(event.occurred_at)

    @admin.display(description=_("kind"), ordering="kind")
    def kind_badge(self, event: RateLimitEvent) -> SafeString:
        return kind_badge(event.kind)

    @admin.display(description=_("meaning"))
    def meaning(self, event: RateLimitEvent) -> str:
        return gettext(SPECS[event.kind].meaning) if event.kind in SPECS else NOTHING

    @admin.display(description=_("status"), ordering="http_status")
    def status(self, event: RateLimitEvent) -> int:
        return event.http_status

    @admin.display(description=_("key"))
    def key_link(self, event: RateLimitEvent) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:proxyapp_apikey_change", args=[event.key_id]),
            event.key,
        )

    @admin.display(description=_("group"), ordering="key__group__position")
    def group(self, event: RateLimitEvent) -> str:
        return event.key.group.name

    @admin.display(description=_("model"), ordering="model")
    def for_model(self, event: RateLimitEvent) -> str:
        return event.model or pgettext("models", "all")

    @admin.display(description=_("project"), ordering="project")
    def for_project(self, event: RateLimitEvent) -> str:
        """Only of a cooldown that holds for all of the project's keys."""
        return event.project or NOTHING

    @admin.display(description=_("quota id"))
    def quota(self, event: RateLimitEvent) -> str:
        return event.quota_id or NOTHING

    @admin.display(description=_("limit"))
    def limit(self, event: RateLimitEvent) -> str:
        return event.quota_limit or NOTHING

    @admin.display(description=_("stated delay"))
    def stated_delay(self, event: RateLimitEvent) -> str:
        return (
            NOTHING
            if event.stated_delay_seconds is None
            else seconds_text(event.stated_delay_seconds)
        )

    @admin.display(description=_("cooling until"), ordering="cooling_until")
    def until(self, event: RateLimitEvent) -> SafeString | str:
        """Of a dead key when it is asked again: it waits for an answer, not for a time."""
        if event.kind in CONDEMNING_KINDS and (again := asked_again(event.key)):
            return again
        return local_time(event.cooling_until if event.cooling_until > event.occurred_at else None)

    @admin.display(description=_("remaining"))
    def remaining(self, event: RateLimitEvent) -> str:
        return remaining_time(None if event.released_at else event.cooling_until, timezone.now())

    @admin.display(description=_("released by hand"), ordering="released_at")
    def released(self, event: RateLimitEvent) -> str:
        return local_time(event.released_at)

    @admin.display(description=_("request id"))
    def of_request(self, event: RateLimitEvent) -> SafeString | str:
        if not event.request_id:
            return NOTHING
        url = f"{reverse('admin:requests')}?{urlencode({'id': event.request_id})}"
        return format_html('<a href="{}">{}</a>', url, event.request_id)

    @admin.display(description=_("answer"))
    def body(self, event: RateLimitEvent) -> SafeString | str:
        """Keys are masked in what is stored."""
        return (
            format_html('<pre class="body-text" tabindex="0">{}</pre>', pretty(event.excerpt))
            if event.excerpt
            else NOTHING
        )

    @admin.action(description=_("Release (end these cooldowns)"), permissions=["release"])
    def release_cooldowns(self, request: HttpRequest, queryset: QuerySet[RateLimitEvent]) -> None:
        now = timezone.now()
        selected = list(queryset.order_by().values_list("pk", flat=True))
        active = RateLimitEvent.objects.active(now).filter(pk__in=selected)
        with transaction.atomic():
            ids = list(active.values_list("pk", flat=True))
            released = key_actions.release_events(ids, now)
            self._log_release(request, RateLimitEvent.objects.filter(pk__in=ids))
        level = messages.SUCCESS if released else messages.WARNING
        text = gettext("Released %(released)d of %(selected)d selected cooldowns.")
        counts = {"released": released, "selected": len(selected)}
        self.message_user(request, text % counts, level)

    def _log_release(self, request: HttpRequest, released: QuerySet[RateLimitEvent]) -> None:
        """In the audit log under the keys, beside what else was done to these."""
        log_in_history(request, released, "Released.")
        ids = released.order_by().values_list("pk", flat=True)
        audit.record_each(audit.operator(request.user), releases(ids))
