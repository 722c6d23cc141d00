"""What pages call their rows, instead of the stock words: titles, crumbs, and an empty list."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from proxyapp.models import AuditEntry, audit

# The newest; the audit log has all.
ENTRIES_SHOWN = 200

if TYPE_CHECKING:
    Pages = admin.ModelAdmin[Any]
else:
    Pages = object


@dataclass(frozen=True, slots=True)
class Words:
    """`title`: of the list; `none`: what the list says while there is no row at all."""

    one: str | Promise
    many: str | Promise
    title: str | Promise = ""
    none: str | Promise = ""

    @property
    def heading(self) -> str:
        return str(self.title) or capfirst(str(self.many))

    @property
    def nothing(self) -> str:
        return str(self.none) or _("There are no %(rows)s yet.") % {"rows": self.many}


class NamedPages(Pages):
    """The pages of a model; `words` are those of the model itself where an admin gives none."""

    words: Words | None = None

    @property
    def called(self) -> Words:
        return self.words or Words(str(self.opts.verbose_name), str(self.opts.verbose_name_plural))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": self.called.heading}
        return super().changelist_view(request, title | (extra_context or {}))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        one = self.called.one
        title = _("Add %(row)s") % {"row": one} if kwargs.get("add") else capfirst(str(one))
        has_history = self.opts.label_lower in audit.OBJECT_TYPES and _may_see_history(request)
        own = {"title": title, "show_history": has_history}
        return super().render_change_form(request, context | own, *args, **kwargs)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": _("Delete %(row)s") % {"row": self.called.one}}
        return super().delete_view(request, object_id, title | (extra_context or {}))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Names the page on which Django asks whether to delete what is ticked."""
        response = super().response_action(request, queryset)
        context = response.context_data if isinstance(response, TemplateResponse) else None
        if context and context.get("title") == _("Delete multiple objects"):
            context["title"] = _("Delete %(rows)s") % {"rows": self.called.many}
        return response

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """From the audit log: Django's own history knows only what was done in the admin."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not (self.has_view_or_change_permission(request, row) and _may_see_history(request)):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("History"),
            "opts": self.opts,
            "object": row,
            "entries": _entries_of(row),
            "audit_query": f"{audit.object_type_of(type(row))}:{row.pk}",
        }
        return TemplateResponse(
            request, "admin/object_history.html", context | (extra_context or {})
        )


def _may_see_history(request: HttpRequest) -> bool:
    return request.user.has_perm("proxyapp.view_auditentry")


def _entries_of(row: Model) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.filter(
        object_type=audit.object_type_of(type(row)), object_id=str(row.pk)
    )
    return entries.order_by("-at", "-id")[:ENTRIES_SHOWN]
