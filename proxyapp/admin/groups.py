"""Groups: where their requests go, in which order, and how their keys do."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from proxyapp.admin.pooled import PooledAdmin, WriteOnlyInput, counts_of_keys, next_position, refuse_if
from proxyapp.admin.readonly import NOTHING
from proxyapp.admin.typed import Checkbox, ModelForm
from proxyapp.allowed import check_group_name, check_proxy_url, check_target_url
from proxyapp.keyreport import in_state, utc_text
from proxyapp.models import ApiKey, Group
from proxyapp.sealed import UNREADABLE

SINGLE_CREDENTIAL_RESETS = {"target_url", "auth"}


class GroupForm(ModelForm[Group]):
    new_proxy_url = forms.CharField(widget=WriteOnlyInput, label="Proxy URL", required=False)
    remove_proxy = forms.BooleanField(
        widget=Checkbox, required=False, help_text="Connect to the target directly from now on."
    )

    class Meta:
        model = Group
        fields = ["name", "position", "target_url", "rate_limit_policy", "auth"]
        labels = {"target_url": "Target URL"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        proxy = self.fields["new_proxy_url"]
        proxy.help_text = "Such as socks5://user:password@host:1080; http, https, socks5 or socks5h. Never shown again."
        if self.instance.proxy_url is not None:
            proxy.label = "Replace the proxy URL"
            proxy.help_text = f"Now: {shown_proxy(self.instance)}. Leave empty to keep it."
        else:
            del self.fields["remove_proxy"]

    def clean_name(self) -> str:
        return refuse_if(check_group_name, self.cleaned_data["name"], "The name")

    def clean_target_url(self) -> str:
        return refuse_if(check_target_url, self.cleaned_data["target_url"], "The target URL")

    def clean_new_proxy_url(self) -> str:
        value: str = self.cleaned_data["new_proxy_url"]
        return refuse_if(check_proxy_url, value, "The proxy URL") if value else value

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("new_proxy_url") and self.cleaned_data.get("remove_proxy"):
            raise ValidationError("Replace the proxy or remove it, not both.")
        return cleaned


def shown_proxy(group: Group) -> str:
    if group.proxy_url == UNREADABLE:
        return "unreadable (it was encrypted with another SECRET_KEY)"
    return group.masked_proxy_url


@admin.register(Group)
class GroupAdmin(PooledAdmin[Group]):
    form = GroupForm
    list_display = ("name", "position", "target", "proxy", "policy", "auth_rule", "key_count", "available")
    list_display_links = ("name",)
    list_editable = ("position",)
    search_fields = ("name", "target_url")
    readonly_fields = ("one_credential", "keys_of_group")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        keys = ApiKey.objects.filter(group=OuterRef("pk"))
        counts = {
            "key_total": _count(keys),
            "available_total": _count(in_state(keys, "available", timezone.now())),
        }
        return super().get_queryset(request).annotate(**counts)

    def get_fieldsets(self, request: HttpRequest, obj: Group | None = None) -> Any:
        settings = ["name", "target_url", "new_proxy_url", "rate_limit_policy", "auth"]
        if obj is None:
            return [(None, {"fields": settings})]
        settings.insert(1, "position")
        if obj.proxy_url is not None:
            settings.insert(settings.index("new_proxy_url") + 1, "remove_proxy")
        if obj.single_credential_since:
            settings.append("one_credential")
        return [(None, {"fields": settings}), ("Keys", {"fields": ["keys_of_group"]})]

    def save_model(self, request: HttpRequest, obj: Group, form: ModelForm[Group], change: bool) -> None:
        if not change:
            obj.position = next_position(Group.objects.all())
        if form.cleaned_data.get("new_proxy_url"):
            obj.proxy_url = form.cleaned_data["new_proxy_url"]
        if form.cleaned_data.get("remove_proxy"):
            obj.proxy_url = None
        if SINGLE_CREDENTIAL_RESETS & set(form.changed_data):
            obj.single_credential_since = None
        super().save_model(request, obj, form, change)

    def edited_columns(self, obj: Group, form: ModelForm[Group]) -> list[str]:
        columns = super().edited_columns(obj, form)
        if {"new_proxy_url", "remove_proxy"} & set(form.changed_data):
            columns.append("proxy_url")
        if SINGLE_CREDENTIAL_RESETS & set(form.changed_data):
            columns.append("single_credential_since")
        return columns

    def dependent_counts(self, ids: Sequence[int]) -> dict[str, int]:
        keys = ApiKey.objects.filter(group__in=ids)
        return {"API keys": keys.count(), **counts_of_keys(keys)}

    @admin.display(description="target URL", ordering="target_url")
    def target(self, group: Group) -> str:
        return group.target_url

    @admin.display
    def proxy(self, group: Group) -> str:
        return NOTHING if group.proxy_url is None else shown_proxy(group)

    @admin.display(ordering="rate_limit_policy")
    def policy(self, group: Group) -> str:
        return group.rate_limit_policy

    @admin.display(description="auth", ordering="auth")
    def auth_rule(self, group: Group) -> str:
        return f"{group.auth} (one credential)" if group.single_credential_since else group.auth

    @admin.display(description="keys", ordering="key_total")
    def key_count(self, group: Group) -> SafeString:
        return _keys_link(group, str(vars(group)["key_total"]))

    @admin.display(description="available", ordering="available_total")
    def available(self, group: Group) -> SafeString:
        return _keys_link(group, str(vars(group)["available_total"]), state="available")

    @admin.display(description="keys")
    def keys_of_group(self, group: Group) -> SafeString:
        total, available = vars(group)["key_total"], vars(group)["available_total"]
        add = f"{reverse('admin:proxyapp_apikey_add')}?{urlencode({'group': group.pk})}"
        listed = _keys_link(group, f"{total} in all, {available} available")
        return format_html('{} · <a href="{}">Add a key</a>', listed, add)

    @admin.display(description="one credential")
    def one_credential(self, group: Group) -> SafeString | None:
        if group.single_credential_since is None:
            return None
        return format_html(
            '<div class="note-warning">Since {} this target gets one credential: it answered '
            "“Multiple authentication credentials received” to two. "
            "A change of the target URL or of auth makes the gateway try two again.</div>",
            utc_text(group.single_credential_since),
        )


def _count(keys: QuerySet[ApiKey]) -> Coalesce:
    per_group = keys.order_by().values("group").annotate(total=Count("pk")).values("total")
    return Coalesce(Subquery(per_group), 0)


def _keys_link(group: Group, text: str, **filters: str) -> SafeString:
    query = urlencode({"group__id__exact": group.pk, **filters})
    return format_html('<a href="{}?{}">{}</a>', reverse("admin:proxyapp_apikey_changelist"), query, text)
