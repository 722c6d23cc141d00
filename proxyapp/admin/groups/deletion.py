"""Before a group goes, with its keys, its name is typed; before several go, how many they are."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected as delete_now
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from proxyapp.admin.parts.filters import is_id
from proxyapp.admin.parts.pooled import PooledAdmin
from proxyapp.models import Group

TYPED = "typed"
CARRIED = ("action", IS_POPUP_VAR)


class GroupDeletion(PooledAdmin[Group]):
    @admin.action(description=gettext_lazy("Delete"), permissions=["delete"])
    def delete_selected(
        self, request: HttpRequest, queryset: QuerySet[Group]
    ) -> HttpResponse | None:
        if "post" in request.POST and is_typed(request, list(queryset)):
            answer: HttpResponse | None = delete_now(self, request, queryset)
            return answer
        return self._ask(request, queryset, reverse("admin:proxyapp_group_changelist"))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        groups = Group.objects.filter(pk__in=[object_id] if is_id(object_id) else [])
        is_asked = groups and not (request.method == "POST" and is_typed(request, groups))
        if not is_asked:
            return super().delete_view(request, object_id, extra_context)
        if not self.has_delete_permission(request, groups[0]):
            raise PermissionDenied
        back_url = reverse("admin:proxyapp_group_change", args=[groups[0].pk])
        return self._ask(request, groups, back_url)

    def _ask(self, request: HttpRequest, groups: QuerySet[Group], back_url: str) -> HttpResponse:
        ids = list(groups.values_list("pk", flat=True))
        labels, counts, *_rest = self.get_deleted_objects(groups, request)
        given = request.POST if request.method == "POST" else request.GET
        posted = [(name, given[name]) for name in CARRIED if name in given]
        if ACTION_CHECKBOX_NAME in given:
            posted += [(ACTION_CHECKBOX_NAME, str(pk)) for pk in ids]
        context = {
            **self.admin_site.each_context(request),
            "title": question(groups),
            "labels": labels,
            "counts": counts.items(),
            "consequences": self.losses(request, ids, "Then"),
            "wanted": wanted(groups),
            "is_one": len(ids) == 1,
            "is_wrong": "post" in request.POST,
            "posted": posted,
            "back_url": back_url,
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/proxyapp/group/delete.html", context)


def wanted(groups: Sequence[Group] | QuerySet[Group]) -> str:
    """What is to be typed."""
    return groups[0].name if len(groups) == 1 else str(len(groups))


def is_typed(request: HttpRequest, groups: Sequence[Group] | QuerySet[Group]) -> bool:
    typed = request.POST.get(TYPED, "").strip()
    return bool(typed) and typed == wanted(groups).strip()


def question(groups: QuerySet[Group]) -> str:
    if len(groups) == 1:
        return _("Delete the group %(group)s?") % {"group": groups[0].name}
    text = ngettext("Delete %(count)d group?", "Delete %(count)d groups?", len(groups))
    return text % {"count": len(groups)}
