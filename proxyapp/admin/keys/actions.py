"""What operators do to keys, to a selection or on a key's page: release, disable, enable, delete.

What would leave no key available, for all or for a client token, and every deletion, is confirmed
on a page that says what will happen.
"""

from collections.abc import Collection
from typing import Any, Literal

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as ask_and_delete
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from proxyapp.admin.parts.audited import log_changes
from proxyapp.admin.parts.dependents import dependent_lines
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.models import ApiKey
from proxyapp.models.key_state import in_state
from proxyapp.models.many_ids import among, shortened, written_out
from proxyapp.operators.dependent_tokens import dependents
from proxyapp.operators.key_actions import DONE, KeyAction, change_keys
from proxyapp.vocabulary.key_states import KeyState

CONFIRMED = "confirmed"
NOTHING_LEFT = gettext_lazy(
    "No key will be available: until one is released, enabled or added, clients get 503, or 429"
    " while some are cooling."
)
CHANGED = {
    "release": gettext_lazy("Released %(changed)d of %(count)d selected keys."),
    "disable": gettext_lazy("Disabled %(changed)d of %(count)d selected keys."),
    "enable": gettext_lazy("Enabled %(changed)d of %(count)d selected keys."),
}

Pages = ModelAdmin[ApiKey]


@admin.action(
    description=gettext_lazy("Release (end the cooldowns, also those of their projects)"),
    permissions=["change"],
)
def release_keys(pages: Pages, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
    change_and_tell(pages, request, "release", ids_of(queryset))


@admin.action(description=gettext_lazy("Disable"), permissions=["change"])
def disable_keys(
    pages: Pages, request: HttpRequest, queryset: QuerySet[ApiKey]
) -> HttpResponse | None:
    ids = ids_of(queryset)
    if needs_confirmation(request, ids):
        return confirmation(pages, request, ids, reverse("admin:proxyapp_apikey_changelist"))
    change_and_tell(pages, request, "disable", ids)
    return None


@admin.action(description=gettext_lazy("Enable"), permissions=["change"])
def enable_keys(pages: Pages, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
    change_and_tell(pages, request, "enable", ids_of(queryset))


@admin.action(description=gettext_lazy("Delete"), permissions=["delete"])
def delete_selected(
    pages: Pages, request: HttpRequest, queryset: QuerySet[ApiKey]
) -> HttpResponse | None:
    """Django's own, which asks first; the page says what becomes of the others.

    It carries the keys in one field: Django's own would be more fields than a form may have.
    """
    answer: HttpResponse | None = ask_and_delete(pages, request, queryset)
    if isinstance(answer, TemplateResponse) and answer.context_data is not None:
        ids = ids_of(queryset)
        answer.context_data |= consequences(request, ids, "deleted")
        answer.context_data["queryset"] = [{"pk": shortened(ids)}]
    return answer


def of_those_confirmed(request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
    """What the page that asked has carried; any other choice is Django's to read."""
    if "post" not in request.POST or request.POST.get("action") != delete_selected.__name__:
        return queryset
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    posted = request.POST.copy()
    posted["select_across"] = "1"  # of the queryset, which is these
    request.POST = posted  # type: ignore[assignment]
    return queryset.filter(pk__in=among(written_out(" ".join(chosen))))


def change_and_tell(
    pages: Pages, request: HttpRequest, action: KeyAction, ids: Collection[int]
) -> None:
    losing = losses(request, ids, "Now") if action == "disable" else []
    changed = change(request, action, ids)
    level = messages.SUCCESS if changed else messages.WARNING
    text = CHANGED[action] % {"changed": changed, "count": len(ids)}
    pages.message_user(request, text, level)
    for line in losing:
        pages.message_user(request, line, messages.WARNING)


def change(request: HttpRequest, action: KeyAction, ids: Collection[int]) -> int:
    """How many keys changed. The history and the audit log say of each who did it."""
    with transaction.atomic():
        changed = change_keys(action, ids, timezone.now())
        rows = ApiKey.objects.defer("secret").filter(pk__in=changed)
        log_changes(request, rows, f"{DONE[action]}.", action=action)
    return len(changed)


def ids_of(keys: QuerySet[ApiKey]) -> list[int]:
    return list(keys.order_by().values_list("pk", flat=True))


def needs_confirmation(request: HttpRequest, ids: Collection[int]) -> bool:
    """Whether these are all of the keys that are available, or all that a client token has.

    Where none is available, nothing changes for clients.
    """
    if CONFIRMED in request.POST:
        return False
    available = available_ids()
    return (bool(available) and available <= set(ids)) or bool(dependents(ids).stranded)


def available_ids() -> set[int]:
    return set(ids_of(in_state(ApiKey.objects.all(), KeyState.AVAILABLE, timezone.now())))


def losses(request: HttpRequest, ids: Collection[int], when: str) -> list[str]:
    return dependent_lines(request, dependents(ids), when)


def consequences(
    request: HttpRequest, ids: Collection[int], done: Literal["deleted", "disabled"]
) -> dict[str, Any]:
    """For the page that asks: what becomes of these keys, and what is left of the others."""
    available = available_ids()
    lost = available & set(ids)
    left = len(available) - len(lost)
    counts = {"count": max(len(ids), 1), "now": len(lost), "rest": len(ids) - len(lost)}
    lines = [_going(counts["count"], done) % counts]
    if left or not lost:
        staying = ngettext(
            "%(count)d other key stays available.", "%(count)d other keys stay available.", left
        )
        lines.append(staying % {"count": left})
    lines += losses(request, ids, "Then")
    return {"consequences": lines, "warning": "" if left or not lost else NOTHING_LEFT}


def _going(count: int, done: Literal["deleted", "disabled"]) -> str:
    if done == "deleted":
        return ngettext(
            "%(count)d key will be deleted: %(now)d of them available now, %(rest)d not.",
            "%(count)d keys will be deleted: %(now)d of them available now, %(rest)d not.",
            count,
        )
    return ngettext(
        "%(count)d key will be disabled: %(now)d of them available now, %(rest)d not.",
        "%(count)d keys will be disabled: %(now)d of them available now, %(rest)d not.",
        count,
    )


def confirmation(
    pages: Pages, request: HttpRequest, ids: Collection[int], back_url: str
) -> HttpResponse:
    """Sends the same once more, confirmed."""
    posted = [(name, value) for name, values in request.POST.lists() for value in values]
    context = {
        **pages.admin_site.each_context(request),
        **consequences(request, ids, "disabled"),
        "title": _("Disable all available keys?")
        if available_ids() <= set(ids)
        else _("Disable the last keys of client tokens?"),
        "back_url": back_url,
        "opts": pages.opts,
        "posted": [(name, value) for name, value in posted if name != "csrfmiddlewaretoken"],
        "media": pages.media,
    }
    return TemplateResponse(request, "admin/proxyapp/apikey/confirm.html", context)
