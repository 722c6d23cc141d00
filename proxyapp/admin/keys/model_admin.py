"""Keys: what state they are in, what they did, and what an operator may do to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from proxyapp.admin.keys.actions import (
    delete_selected,
    disable_keys,
    enable_keys,
    of_those_confirmed,
    release_keys,
)
from proxyapp.admin.keys.bulk_add import BulkAdd
from proxyapp.admin.keys.export import export_keys
from proxyapp.admin.keys.form import INPUTS, ApiKeyForm
from proxyapp.admin.keys.list import COLUMNS, KeyChangeList
from proxyapp.admin.keys.page import KeyPages
from proxyapp.admin.keys.test_action import test_keys
from proxyapp.admin.parts.audited import log_changes
from proxyapp.admin.parts.filters import KeyStateFilter, LastUsedFilter, ProjectFilter
from proxyapp.admin.parts.limit_fields import described_limits
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.pooled import counts_of_keys
from proxyapp.admin.parts.redirects import may_redirect_keys
from proxyapp.admin.parts.unfold_typed import ChangeList, ModelForm
from proxyapp.config.key_shape import doubt
from proxyapp.models import ApiKey
from proxyapp.models.many_ids import among
from proxyapp.models.sealed import UNREADABLE
from proxyapp.operators.positions import next_position
from proxyapp.pool.change_log import Touched, touched_keys
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.exits import shown_exit
from proxyapp.vocabulary.key_fields import KEY_FIELDS

SETTINGS = [INPUTS.get(field.name, field.name) for field in KEY_FIELDS]


def ask_whether_to_show(request: HttpRequest) -> SafeString:
    button = render_to_string(
        "unfold/components/button.html", {"submit": True, "children": _("Show the key")}
    )
    return format_html(
        '<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{}"><p'
        ' class="mb-4">{}</p>{}</form>',
        get_token(request),
        _("The key will be on the next page, and the audit log will say that you saw it."),
        button,
    )


def show(request: HttpRequest, key: ApiKey) -> SafeString:
    """Logs it before the page is made."""
    if key.secret is None or key.secret == UNREADABLE:
        text = _(
            "The key cannot be decrypted with this SECRET_KEY: replace the key, or add the old"
            " secret as a fallback."
        )
        return format_html("<p>{}</p>", text)
    log_changes(
        request, ApiKey.objects.defer("secret").filter(pk=key.pk), "Key shown.", action="show"
    )
    return format_html('<p class="note-warning"><code>{}</code></p>', key.secret)


@admin.register(ApiKey)
class ApiKeyAdmin(BulkAdd, KeyPages):
    words = Words(
        gettext_lazy("API key"),
        gettext_lazy("API keys"),
        gettext_lazy("Keys"),
        none=gettext_lazy("There are no keys yet. Paste some with Bulk add, or add one."),
    )
    form = ApiKeyForm
    list_display = COLUMNS
    list_filter = ("group", KeyStateFilter, ProjectFilter, LastUsedFilter)
    show_full_result_count = False
    list_select_related = ("group",)
    list_per_page = 100
    search_fields = ("name", "project", "masked")
    search_help_text = gettext_lazy("Name, project or masked key, such as AIza…x9Qk")
    actions = (release_keys, disable_keys, enable_keys, test_keys, export_keys, delete_selected)

    class Media:
        css = {"all": ("proxyapp/keys.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return (
            super()
            .get_queryset(request)
            .select_related("group")
            .defer("secret", "group__proxy_url", "group__proxy_pool")
        )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("bulk-add/", wrap(self.bulk_add_view), name="proxyapp_apikey_bulk_add"),
            path("<path:object_id>/secret/", wrap(self.secret_view), name="proxyapp_apikey_secret"),
            *super().get_urls(),
        ]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("proxyapp.export_config")

    def has_secret_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm("proxyapp.view_secret")

    def secret_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first; only a POST is answered with the key, which no address and no cache has."""
        if not self.has_secret_permission(request):
            raise PermissionDenied
        key = self.get_object(request, object_id)
        if key is None:
            raise Http404(_("There is no such key."))
        content = show(request, key) if request.method == "POST" else ask_whether_to_show(request)
        context = {"title": _("Key %(key)s") % {"key": key}, "opts": self.opts, "content": content}
        return TemplateResponse(
            request, "admin/base_site.html", self.admin_site.each_context(request) | context
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeyChangeList

    def told_to_form(self, request: HttpRequest) -> Mapping[str, Any]:
        return {**super().told_to_form(request), "may_redirect": may_redirect_keys(request)}

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[ApiKey]
    ) -> HttpResponse | None:
        return super().response_action(request, of_those_confirmed(request, queryset))

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["group", "new_secret", *SETTINGS]})]
        settings = [*SETTINGS, "remove_proxy"] if obj.proxy_url is not None else SETTINGS
        shown = (
            ["masked_key", "in_clear"] if self.has_secret_permission(request) else ["masked_key"]
        )
        if self.has_change_permission(request, obj):
            shown.append("new_secret")
        reason = ["status_reason"] if obj.status_reason else []
        return [(None, {"fields": [*shown, "group", "position", *settings, "status", *reason]})]

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("masked_key", "in_clear", "status_reason")

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: ModelForm[ApiKey], change: bool
    ) -> None:
        if form.cleaned_data["new_secret"]:
            obj.set_secret(form.cleaned_data["new_secret"])
            if why := doubt(form.cleaned_data["new_secret"], obj.group.target_url):
                text = _("The key was saved, but it %(doubt)s. Test it.")
                messages.warning(request, text % {"doubt": why})
        if {"new_proxy_url", "remove_proxy"} & set(form.changed_data):
            obj.proxy_url = form.cleaned_data["new_proxy_url"] or None
        if "status" in form.changed_data:
            obj.status_reason = ""
        if not change or ("group" in form.changed_data and "position" not in form.changed_data):
            obj.position = next_position(obj.group.keys.exclude(pk=obj.pk))
        goes = change and (obj.status != KeyStatus.ACTIVE or "group" in form.changed_data)
        losing = self.losses(request, [obj.pk], "Now") if goes else []
        super().save_model(request, obj, form, change)
        self.tell(request, losing)

    def edited_columns(self, obj: ApiKey, form: ModelForm[ApiKey]) -> list[str]:
        columns = super().edited_columns(obj, form)
        if "new_secret" in form.changed_data:
            columns += ["secret", "key_hash", "masked"]
        if {"new_proxy_url", "remove_proxy"} & set(form.changed_data):
            columns.append("proxy_url")
        if "status" in form.changed_data:
            columns.append("status_reason")
        if "group" in form.changed_data:
            columns.append("position")
        return columns

    def describe_edit(self, form: forms.BaseForm, name: str, *, is_new: bool) -> str:
        if name == "new_secret":
            return "" if is_new else "key replaced"
        if name == "weight" and form.cleaned_data[name] == form["weight"].initial:
            return ""  # an empty one, or none: it stays
        if name == "new_proxy_url":
            return f"exit set to {shown_exit(form.cleaned_data[name])}"
        if name == "remove_proxy":
            return "exit removed"
        if name == "limits":
            return described_limits(form.cleaned_data[name])
        return super().describe_edit(form, name, is_new=is_new)

    def keys_of(self, ids: Sequence[int]) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(pk__in=among(ids))

    def touched(self, ids: Sequence[int]) -> Touched:
        return touched_keys(ids)

    def dependent_counts(self, ids: Sequence[int]) -> dict[str, Any]:
        return counts_of_keys(self.keys_of(ids))

    @admin.display(description=gettext_lazy("key"))
    def masked_key(self, key: ApiKey) -> str:
        if key.secret != UNREADABLE:
            return key.masked
        text = _(
            "%(key)s (cannot be decrypted with this SECRET_KEY: replace the key, or add the old"
            " secret as a fallback)"
        )
        return text % {"key": key.masked}

    @admin.display(description=gettext_lazy("In clear"))
    def in_clear(self, key: ApiKey) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:proxyapp_apikey_secret", args=[key.pk]),
            _("Show the key"),
        )
