"""Beside a group's form: a test of the way to its target, and its part of a config file."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.groups.list import figures
from proxyapp.admin.groups.switching import GroupSwitching
from proxyapp.admin.keys.settling import settle
from proxyapp.admin.parts.audited import log_in_history
from proxyapp.admin.parts.dependents import dependent_lines
from proxyapp.admin.parts.download import download, may_export_secrets
from proxyapp.config.exporting import export_groups
from proxyapp.models import ApiKey, Group, audit
from proxyapp.operators import key_tests
from proxyapp.operators.cached_tokens import cached_by_day
from proxyapp.operators.group_credentials import DETAIL, try_two_again
from proxyapp.operators.group_switch import losing, standing_of
from proxyapp.operators.group_traffic import traffic_of
from proxyapp.operators.key_tests import Findings

# The page shows the group's YAML while it can be looked through.
MAX_KEYS_SHOWN = 100
# Each is a dialled connection, while the operator waits for the page.
MAX_GROUPS_TESTED = 20


class GroupPages(GroupSwitching):
    actions: Sequence[Any] = ("test_connections", "delete_selected")
    change_form_template = "admin/proxyapp/group/change_form.html"

    class Media:
        css = {"all": ("proxyapp/groups.css",)}
        js = ("proxyapp/groups.js",)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/test/", wrap(self.test_view), name="proxyapp_group_test"),
            path("<path:object_id>/two/", wrap(self.two_view), name="proxyapp_group_two"),
            path("<path:object_id>/switch/", wrap(self.switch_view), name="proxyapp_group_switch"),
            path("<path:object_id>/yaml/", wrap(self.yaml_view), name="proxyapp_group_yaml"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        group = context.get("original")
        if group is not None:
            context |= self._facts(request, group)
            is_small = figures(group).key_total <= MAX_KEYS_SHOWN
            context["yaml"] = (
                export_groups(mask=True, groups=Group.objects.filter(pk=group.pk)).text
                if is_small
                else ""
            )
            context["may_export_secrets"] = may_export_secrets(request)
            if is_small and request.user.has_perm("proxyapp.view_hourlyusage"):
                days = cached_by_day(group.pk, timezone.now())
                context["cached_days"] = days if any(each.prompt for each in days) else []
        return super().render_change_form(request, context, *args, **kwargs)

    def _facts(self, request: HttpRequest, group: Group) -> dict[str, Any]:
        now = timezone.now()
        name = quote(group.name, safe="")
        script = str(request.META.get("SCRIPT_NAME", "")).rstrip("/")
        is_small = figures(group).key_total <= MAX_KEYS_SHOWN
        may_see = is_small and request.user.has_perm("proxyapp.view_hourlyusage")
        return {
            "address": f"{request.scheme}://{request.get_host()}{script}/g/{name}",
            "traffic": traffic_of(group.pk, now).told() if may_see else "",
            "is_on": not group.is_off(now),
            "standing": standing_of(group, now),
            "losing": []
            if group.is_off(now)
            else dependent_lines(request, losing([group.pk]), "While it is off,"),
        }

    def two_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Only a POST does it. A GET is the address that a login leads back to."""
        group = self._group(request, object_id)
        if request.method == "POST":
            if not self.has_change_permission(request, group):
                raise PermissionDenied
            if try_two_again(group, audit.operator(request.user)):
                log_in_history(request, Group.objects.filter(pk=group.pk), f"{DETAIL}.")
                text = _("%(group)s: two credentials are tried again.") % {"group": group.name}
                self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:proxyapp_group_change", args=[group.pk]))

    def yaml_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        group = self._group(request, object_id)
        return download(request, f"group-{group.pk}", Group.objects.filter(pk=group.pk))

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        group = self._group(request, object_id)
        if request.method == "GET":  # the address of the result, opened again
            return HttpResponseRedirect(reverse("admin:proxyapp_group_change", args=[group.pk]))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request, group):
            raise PermissionDenied
        return self._tested(request, Group.objects.filter(pk=group.pk))

    @admin.action(
        description=gettext_lazy("Test connection (asks the provider, costs no quota)"),
        permissions=["change"],
    )
    def test_connections(
        self, request: HttpRequest, queryset: QuerySet[Group]
    ) -> HttpResponse | None:
        count = queryset.count()
        if count > MAX_GROUPS_TESTED:
            text = _("At most %(most)d groups are tested at once; %(count)d were selected.")
            self.message_user(request, text % {"most": MAX_GROUPS_TESTED, "count": count})
            return None
        return self._tested(request, queryset)

    def _tested(self, request: HttpRequest, groups: QuerySet[Group]) -> HttpResponse:
        """Django runs views that are not async in threads without a loop: this may start one."""
        # The whole upstream side: every command would load it.
        from proxyapp.upstream.connection_test import (
            try_groups,
        )

        outcomes = try_groups(groups)
        self._follow(request, key_tests.found_by(outcomes))
        context = {
            "title": _("Test of the connection"),
            "opts": self.opts,
            "outcomes": outcomes,
        }
        site = self.admin_site.each_context(request)
        return TemplateResponse(
            request,
            "admin/proxyapp/group/connection.html",
            {**site, **context, "media": self.media},
        )

    def _follow(self, request: HttpRequest, findings: Findings) -> None:
        """A dead key goes out, an invalid one that works comes back, as by the test of a key."""
        changes = settle(request, findings)
        changed = [
            result
            for result in findings.results
            if result.key_id in {*changes.enabled, *changes.condemned}
        ]
        keys = ApiKey.objects.only("name", "masked").in_bulk([one.key_id for one in changed])
        for result in changed:
            text = _("Key %(key)s: %(result)s") % {
                "key": keys.get(result.key_id, _("(deleted)")),
                "result": key_tests.describe(result, changes),
            }
            level = messages.SUCCESS if result.ok else messages.ERROR
            self.message_user(request, text, level)

    def _group(self, request: HttpRequest, object_id: str) -> Group:
        if not self.has_view_permission(request):
            raise PermissionDenied
        group = self.get_object(request, object_id)
        if group is None:
            raise Http404(_("There is no such group."))
        return group
