"""The page of a key: how it stands, what may be done to it, its usage and its last events."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from proxyapp.admin.keys.actions import (
    change,
    confirmation,
    consequences,
    losses,
    needs_confirmation,
)
from proxyapp.admin.keys.facts import facts
from proxyapp.admin.keys.list import activity, requests, success, tokens, used
from proxyapp.admin.keys.live_cells import MODELS_SHOWN, models_out, state_cell
from proxyapp.admin.keys.test_action import test_keys
from proxyapp.admin.keys.usage import usage_of_key
from proxyapp.admin.parts.asked_again import asked_again
from proxyapp.admin.parts.cells import NEVER, short_time, until
from proxyapp.admin.parts.cost_figures import cost_figures
from proxyapp.admin.parts.filters import is_id
from proxyapp.admin.parts.pooled import PooledAdmin
from proxyapp.admin.records.audit_log import entries_of
from proxyapp.models import ApiKey, RateLimitEvent
from proxyapp.operators.key_actions import KeyAction
from proxyapp.operators.recent_costs import costs_of_key
from proxyapp.operators.shown_words import kind_word
from proxyapp.vocabulary.choices import KeyStatus

View = Callable[[HttpRequest, str], HttpResponse]

# The newest; the list of events has all.
SHOWN_EVENTS = 20
TOLD: dict[KeyAction, tuple[str | Promise, str | Promise]] = {
    "release": (
        gettext_lazy("The key is released: its cooldowns are over."),
        gettext_lazy("Nothing held the key."),
    ),
    "disable": (
        gettext_lazy("The key is disabled."),
        gettext_lazy("The key was disabled already."),
    ),
    "enable": (gettext_lazy("The key is enabled."), gettext_lazy("The key was enabled already.")),
}


class KeyPages(PooledAdmin[ApiKey]):
    change_form_template = "admin/proxyapp/apikey/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        views: dict[str, View] = {"test": self.test_view}
        views |= {action: self._view_of(action) for action in TOLD}
        return [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"proxyapp_apikey_{name}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        key = context.get("original")
        if key is not None:
            context |= self._context(request, key)
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        ids = [int(object_id)] if is_id(object_id) else []
        return super().delete_view(
            request, object_id, consequences(request, ids, "deleted") | (extra_context or {})
        )

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self._key(request, object_id)
        if request.method == "POST":
            test_keys(self, request, ApiKey.objects.filter(pk=key.pk))
        return self._to_page(key)

    def _view_of(self, action: KeyAction) -> View:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            """Only a POST does it. A GET is the address that a login leads back to."""
            key = self._key(request, object_id)
            if request.method != "POST":
                return self._to_page(key)
            if action == "disable" and needs_confirmation(request, [key.pk]):
                return confirmation(self, request, [key.pk], self._to_page(key).url)
            done, was_so = TOLD[action]
            losing = losses(request, [key.pk], "Now") if action == "disable" else []
            if change(request, action, [key.pk]):
                self.message_user(request, str(done), messages.SUCCESS)
            else:
                self.message_user(request, str(was_so), messages.WARNING)
            self.tell(request, losing)
            return self._to_page(key)

        return view

    def _key(self, request: HttpRequest, object_id: str) -> ApiKey:
        if not self.has_change_permission(request):
            raise PermissionDenied
        key = self.get_object(request, object_id)
        if key is None:
            raise Http404(_("There is no such key."))
        return key

    def _to_page(self, key: ApiKey) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:proxyapp_apikey_change", args=[key.pk]))

    def _context(self, request: HttpRequest, key: ApiKey) -> dict[str, Any]:
        found = facts(key)
        if found is None:
            return {}
        has_permission = request.user.has_perm
        events = RateLimitEvent.objects.filter(key=key).order_by("-occurred_at")
        return {
            "state": state_cell(found.row, found.now),
            "asked_again": asked_again(key),
            "models_out": models_out(found.row, found.now)
            if len(found.row.cooldowns) > MODELS_SHOWN
            else [],
            "figures": [*_figures(key), *_costs(key, found.now, has_permission)],
            "commands": list(_commands(key, has_cooldowns=bool(found.row.cooldowns)))
            if self.has_change_permission(request, key)
            else [],
            "usage": usage_of_key(key.pk, found.now)
            if has_permission("proxyapp.view_hourlyusage")
            else None,
            "events": _events(events) if has_permission("proxyapp.view_ratelimitevent") else None,
            "links": list(_links(key, has_permission)),
        }


def _figures(key: ApiKey) -> Iterator[tuple[str, SafeString]]:
    yield _("Last 24 h"), activity(key)
    yield _("Requests"), requests(key)
    yield _("Success, 24 h"), success(key)
    yield _("Tokens in / out"), tokens(key)
    yield _("Last used"), used(key)
    found = facts(key)
    if found is not None and found.row.exit.text:
        yield _("Exit"), format_html("{}", found.row.exit.text)


def _costs(
    key: ApiKey, now: datetime, has_permission: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    if has_permission("proxyapp.view_hourlyusage"):
        yield from cost_figures(costs_of_key(key.pk, now))


def _commands(key: ApiKey, *, has_cooldowns: bool) -> Iterator[dict[str, str]]:
    """What makes sense in this state."""
    hint = _("Asks the provider; costs no quota")
    yield {"name": "test", "title": _("Test"), "icon": "network_check", "hint": hint}
    if has_cooldowns:
        hint = _("Ends the cooldowns of the key and of its project")
        yield {"name": "release", "title": _("Release"), "icon": "lock_open", "hint": hint}
    if key.status != KeyStatus.ACTIVE:
        is_dead = key.status == KeyStatus.INVALID
        hint = (
            _("The provider said that it is dead") if is_dead else _("Puts it back into rotation")
        )
        yield {"name": "enable", "title": _("Enable"), "icon": "play_arrow", "hint": hint}
    if key.status != KeyStatus.DISABLED:
        hint = _("Takes it out of rotation")
        yield {"name": "disable", "title": _("Disable"), "icon": "pause", "hint": hint}


def _events(events: QuerySet[RateLimitEvent]) -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {
            "url": reverse("admin:proxyapp_ratelimitevent_change", args=[event.pk]),
            "at": short_time(event.occurred_at),
            "kind": kind_word(event.kind),
            "status": event.http_status,
            "model": event.model or pgettext("models", "all"),
            "hold": _hold(event, until(event.cooling_until, now) if event.is_active(now) else None),
        }
        for event in events.defer("excerpt")[:SHOWN_EVENTS]
    ]


def _hold(event: RateLimitEvent, left: SafeString | None) -> SafeString:
    """Whether the cooldown still holds the key, and until when it held."""
    if event.cooling_until <= event.occurred_at:
        return format_html("{}", NEVER)
    if left:
        return format_html(
            _("{left}, until {end}"),
            left=format_html('<strong class="state-left">{}</strong>', left),
            end=short_time(event.cooling_until),
        )
    if event.released_at:
        return format_html(_("released {at}"), at=short_time(event.released_at))
    return format_html(_("until {end}"), end=short_time(event.cooling_until))


def _links(key: ApiKey, has_permission: Callable[[str], bool]) -> Iterator[SafeString]:
    """Only to pages that the operator may see."""
    events, usage = (
        reverse(f"admin:proxyapp_{name}_changelist") for name in ("ratelimitevent", "hourlyusage")
    )
    own, of_project = urlencode({"key": key.pk}), urlencode({"project": key.project})
    links = [
        ("ratelimitevent", _("all events"), f"{events}?{own}"),
        ("ratelimitevent", _("active cooldowns"), f"{events}?{own}&cooldown=active"),
    ]
    if key.project:
        links.append(("ratelimitevent", _("events of its project"), f"{events}?{of_project}"))
    links.append(("hourlyusage", _("usage by hour"), f"{usage}?{own}"))
    for name, title, url in links:
        if has_permission(f"proxyapp.view_{name}"):
            yield format_html('<a href="{}">{}</a>', url, title)
    if has_permission("proxyapp.view_auditentry"):
        yield entries_of(key)
