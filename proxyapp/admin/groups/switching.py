"""A group's buttons: off, off for an hour, on again. What client tokens lose is said before."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from proxyapp.admin.keys.actions import CONFIRMED, NOTHING_LEFT, available_ids
from proxyapp.admin.parts.audited import log_in_history
from proxyapp.admin.parts.dependents import dependent_lines
from proxyapp.admin.parts.filters import is_id
from proxyapp.admin.parts.pooled import PooledAdmin
from proxyapp.models import Group, audit
from proxyapp.operators.group_switch import losing, standing_of, switch_off, switch_on
from proxyapp.vocabulary.languages import PLAIN

TIMES = {"hour": timedelta(hours=1), "": None}


class GroupSwitching(PooledAdmin[Group]):
    def switch_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Only a POST does it. A GET is the address that a login leads back to."""
        group = Group.objects.filter(pk__in=[object_id] if is_id(object_id) else []).first()
        if group is None:
            raise Http404(_("There is no such group."))
        if not self.has_change_permission(request, group):
            raise PermissionDenied
        back = reverse("admin:proxyapp_group_change", args=[group.pk])
        to, length = request.POST.get("to"), request.POST.get("for", "")
        if to == "off" and length in TIMES:
            return self._off(request, group, back)
        if to == "on":
            self._told(request, switch_on([group.pk], audit.operator(request.user)))
        return HttpResponseRedirect(back)

    def _off(self, request: HttpRequest, group: Group, back: str) -> HttpResponse:
        length = TIMES[request.POST.get("for", "")]
        lines = dependent_lines(request, losing([group.pk]), "Then")
        is_last = self._has_last_keys(group)
        if (lines or is_last) and CONFIRMED not in request.POST:
            return self._ask_about_off(
                request, group, lines, warning=str(NOTHING_LEFT) if is_last else ""
            )
        until = timezone.now() + length if length else None
        self._told(request, switch_off([group.pk], until, audit.operator(request.user)))
        return HttpResponseRedirect(back)

    def _has_last_keys(self, group: Group) -> bool:
        available = available_ids()
        its = set(group.keys.values_list("pk", flat=True))
        return bool(available) and available <= its

    def _told(self, request: HttpRequest, changed: list[Group]) -> None:
        for group in changed:
            with override(PLAIN):  # what is kept is in one language
                log_in_history(request, Group.objects.filter(pk=group.pk), _now(group))
            self.message_user(request, _now(group), messages.SUCCESS)

    def _ask_about_off(
        self, request: HttpRequest, group: Group, lines: list[str], *, warning: str
    ) -> HttpResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Turn %(group)s off?") % {"group": group.name},
            "group": group,
            "length": request.POST.get("for", ""),
            "consequences": lines,
            "warning": warning,
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/proxyapp/group/switch.html", context)


def _now(group: Group) -> str:
    standing = {"group": group.name, "standing": standing_of(group, timezone.now())}
    return _("%(group)s is %(standing)s.") % standing
