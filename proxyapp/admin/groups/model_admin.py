"""Groups: where their requests go, in which order, and how their keys do."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.groups.columns import GroupColumns
from proxyapp.admin.groups.deletion import GroupDeletion
from proxyapp.admin.groups.form import INPUTS, LINES, GroupForm
from proxyapp.admin.groups.list import (
    GroupChangeList,
    PositionForm,
    settle_positions,
)
from proxyapp.admin.groups.page import GroupPages
from proxyapp.admin.groups.spill import warn_of_spill
from proxyapp.admin.parts.limit_fields import described_limits
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.pooled import counts_of_keys
from proxyapp.admin.parts.redirects import may_redirect_keys
from proxyapp.admin.parts.unfold_typed import ChangeList, ModelForm
from proxyapp.models import ApiKey, Group, audit
from proxyapp.operators.dependent_tokens import Dependents, dependents
from proxyapp.operators.own_addresses import own_addresses
from proxyapp.operators.positions import next_position
from proxyapp.pool.change_log import Touched, touched_groups
from proxyapp.vocabulary.certificates import counted_certificates
from proxyapp.vocabulary.exits import shown_pool
from proxyapp.vocabulary.group_fields import CREDENTIAL_FIELDS, GROUP_FIELDS, GroupField
from proxyapp.vocabulary.quoting import quoted
from proxyapp.vocabulary.urls import shown_url


@admin.register(Group)
class GroupAdmin(GroupColumns, GroupDeletion, GroupPages):
    words = Words(
        gettext_lazy("group"),
        gettext_lazy("groups"),
        none=gettext_lazy(
            "There are no groups yet. A group says where its keys are used: add one, or paste keys"
            " with Bulk add, which makes the first."
        ),
    )
    form = GroupForm
    list_display = (
        "position",
        "name",
        "target",
        "proxy",
        "policy",
        "auth_rule",
        "share",
        "keys_by_state",
        "requests_today",
        "refusals_today",
    )
    list_before_template = "admin/groups/projects.html"
    list_display_links = ("name",)
    list_editable = ("position",)
    ordering_field = "position"
    search_fields = ("name", "target_url")
    readonly_fields = ("one_credential", "keys_of_group", "today", "more")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return GroupChangeList

    def told_to_form(self, request: HttpRequest) -> Mapping[str, Any]:
        return {
            **super().told_to_form(request),
            "may_redirect": may_redirect_keys(request),
            "own_addresses": own_addresses(request),
        }

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[ModelForm[Group]]:
        form: type[ModelForm[Group]] = super().get_changelist_form(
            request, form=PositionForm, **kwargs
        )
        return form

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method != "POST" or "_save" not in request.POST:
            return super().changelist_view(request, extra_context)
        with transaction.atomic():
            before = dict(Group.objects.select_for_update().values_list("pk", "position"))
            response = super().changelist_view(request, extra_context)
            settle_positions(before)
        return response

    def get_fieldsets(self, request: HttpRequest, obj: Group | None = None) -> Any:
        settings = [_input(field) for field in GROUP_FIELDS if not field.is_of_trust]
        trust = (
            _("Trust"),
            {"fields": [_input(field) for field in GROUP_FIELDS if field.is_of_trust]},
        )
        if obj is None:
            return [(None, {"fields": settings}), trust]
        settings.insert(1, "position")
        if obj.proxy_url is not None:
            settings.insert(settings.index("new_proxy_url") + 1, "remove_proxy")
        if obj.single_credential_since:
            settings.append("one_credential")
        use = (_("Keys and use"), {"fields": ["keys_of_group", "today", "more"]})
        return [(None, {"fields": settings}), trust, use]

    def save_model(
        self, request: HttpRequest, obj: Group, form: ModelForm[Group], change: bool
    ) -> None:
        if not change:
            obj.position = next_position(Group.objects.all())
        if form.cleaned_data.get("new_proxy_url"):
            obj.proxy_url = form.cleaned_data["new_proxy_url"]
        if form.cleaned_data.get("remove_proxy"):
            obj.proxy_url = None
        if "new_proxy_pool" in form.changed_data:
            obj.proxy_pool = form.cleaned_data["new_proxy_pool"]
        if CREDENTIAL_FIELDS & set(form.changed_data):
            obj.single_credential_since = None
        if "enabled" in form.changed_data:
            obj.off_until = None
        super().save_model(request, obj, form, change)
        if "spill_after" in form.changed_data:
            warn_of_spill(request)

    def edited_columns(self, obj: Group, form: ModelForm[Group]) -> list[str]:
        columns = super().edited_columns(obj, form)
        if {"new_proxy_url", "remove_proxy"} & set(form.changed_data):
            columns.append("proxy_url")
        if "new_proxy_pool" in form.changed_data:
            columns.append("proxy_pool")
        if CREDENTIAL_FIELDS & set(form.changed_data):
            columns.append("single_credential_since")
        if "enabled" in form.changed_data:
            columns.append("off_until")
        return columns

    def describe_edit(self, form: Any, name: str, *, is_new: bool) -> str:
        if name == "new_proxy_url":
            new, old = shown_url(form.cleaned_data[name]), form.destination.proxy
            return f"proxy set to {new}" if old is None else f"proxy {shown_url(old)} → {new}"
        if name == "remove_proxy":
            return "proxy removed"
        if name == "new_proxy_pool":
            old, new = form.destination.exits, form.cleaned_data[name]
            return f"exits {quoted(shown_pool(old))} → {quoted(shown_pool(new))}"
        if name == "ca_certificates":
            return f"CA certificates: {counted_certificates(form.cleaned_data[name])}"
        if name == "limits":
            return described_limits(form.cleaned_data[name])
        if name in LINES:
            said = "; ".join(LINES[name](form.cleaned_data[name])) or "none"
            return f"{name}: {quoted(said)}"
        return super().describe_edit(form, name, is_new=is_new)

    def log_deletions(
        self, request: HttpRequest, queryset: QuerySet[Group]
    ) -> list[LogEntry] | LogEntry:
        """The keys go too."""
        groups = {group.pk: group for group in queryset}
        keys = ApiKey.objects.filter(group__in=groups).defer("secret")
        gone: list[audit.Change] = [
            ("delete", key, f"with its group {quoted(groups[key.group_id])}") for key in keys
        ]
        audit.record_each(audit.operator(request.user), gone)
        return super().log_deletions(request, queryset)

    def keys_of(self, ids: Sequence[int]) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(group__in=ids)

    def touched(self, ids: Sequence[int]) -> Touched:
        return touched_groups(ids)

    def dependents(self, ids: Sequence[int]) -> Dependents:
        return dependents(list(self.keys_of(ids).values_list("pk", flat=True)), ids)

    def dependent_counts(self, ids: Sequence[int]) -> dict[str, Any]:
        keys = self.keys_of(ids)
        return {_("API keys"): keys.count(), **counts_of_keys(keys)}


def _input(field: GroupField) -> str:
    """The form takes a new proxy URL, and never shows the one that there is."""
    return INPUTS.get(field.name, field.name)
