"""What is set of projects. Which there are the labels of keys tell."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from proxyapp.admin.parts.cost_figures import cost_figures
from proxyapp.admin.parts.limit_fields import described_limits
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.pooled import PooledAdmin
from proxyapp.admin.parts.readonly import NOTHING
from proxyapp.admin.projects.form import ProjectForm
from proxyapp.models import ApiKey, Project
from proxyapp.operators.recent_costs import costs_of_project
from proxyapp.pool.change_log import Touched
from proxyapp.vocabulary.limit_lines import limit_lines

MOST_LABELS = 100


@admin.register(Project)
class ProjectAdmin(PooledAdmin[Project]):
    words = Words(
        _("project"),
        _("projects"),
        none=_(
            "There are no projects yet. Keys of one project of Google share its limits: add it here"
            " to set its tier and limits."
        ),
    )
    form = ProjectForm
    list_display = ("name", "keys", "tier_named", "limits_set", "most_under_way")
    list_before_template = "admin/projects/unset.html"
    change_form_before_template = "admin/projects/costs.html"
    search_fields = ("name",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        keys = ApiKey.objects.filter(project=OuterRef("name")).order_by().values("project")
        counts = Subquery(keys.annotate(count=Count("pk")).values("count"))
        return super().get_queryset(request).annotate(key_count=counts)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        labels = unset_labels() if self.has_add_permission(request) else []
        add = reverse("admin:proxyapp_project_add")
        links = [(label, f"{add}?{urlencode({'name': label})}") for label in labels]
        return super().changelist_view(request, {**(extra_context or {}), "unset": links})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """What it costs is that of its keys."""
        project = context.get("original")
        if project is not None and request.user.has_perm("proxyapp.view_hourlyusage"):
            context["costs"] = list(cost_figures(costs_of_project(project.name, timezone.now())))
        return super().render_change_form(request, context, *args, **kwargs)

    def describe_edit(self, form: forms.BaseForm, name: str, *, is_new: bool) -> str:
        if name == "limits":
            return described_limits(form.cleaned_data[name])
        return super().describe_edit(form, name, is_new=is_new)

    def touched(self, ids: Sequence[int]) -> Touched:
        """Keys keep their label when what is set of it goes."""
        return Touched(has_settings=True)

    @admin.display(description=_("keys"), ordering="key_count")
    def keys(self, project: Project) -> SafeString:
        keys = reverse("admin:proxyapp_apikey_changelist")
        url = f"{keys}?{urlencode({'project': project.name})}"
        return format_html('<a href="{}">{}</a>', url, f"{getattr(project, 'key_count', 0) or 0:,}")

    @admin.display(description=_("tier"), ordering="tier")
    def tier_named(self, project: Project) -> str:
        return project.tier or NOTHING

    @admin.display(description=_("limits"))
    def limits_set(self, project: Project) -> str:
        return "; ".join(limit_lines(project.limits)) or NOTHING

    @admin.display(description=_("at a time"), ordering="max_concurrent")
    def most_under_way(self, project: Project) -> str:
        return NOTHING if project.max_concurrent is None else f"{project.max_concurrent:,}"


def unset_labels() -> list[str]:
    """Of keys whose projects have nothing set, those with the most keys first."""
    named = ApiKey.objects.exclude(project="").exclude(project__in=Project.objects.values("name"))
    counted = named.order_by().values_list("project").annotate(count=Count("pk"))
    return [label for label, _ in counted.order_by("-count", "project")[:MOST_LABELS]]
