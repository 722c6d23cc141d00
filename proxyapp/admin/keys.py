"""Keys: what state they are in, what they did, and what an operator may do to them."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from proxyapp.admin.badges import state_badge
from proxyapp.admin.filters import KeyStateFilter, ProjectFilter
from proxyapp.admin.history import log_changes
from proxyapp.admin.keytests import test_keys
from proxyapp.admin.pooled import PooledAdmin, WriteOnlyInput, counts_of_keys, next_position, refuse_if
from proxyapp.admin.readonly import second_text
from proxyapp.admin.typed import ChangeList, ModelForm
from proxyapp.allowed import check_key, check_label
from proxyapp.keyactions import DONE, KeyAction, change_keys
from proxyapp.keyreport import KeyRow, key_report
from proxyapp.models import ApiKey
from proxyapp.sealed import UNREADABLE, keyed_hashes

UNREADABLE_TEXT = "cannot be decrypted with this SECRET_KEY: replace the key, or add the old secret as a fallback"


class ApiKeyForm(ModelForm[ApiKey]):
    new_secret = forms.CharField(widget=WriteOnlyInput, label="Key", required=False)

    class Meta:
        model = ApiKey
        fields = ["group", "name", "project", "position", "status"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        secret = self.fields["new_secret"]
        if self.instance.pk is None:
            secret.required = True
            secret.help_text = "Stored encrypted, and never shown again."
        else:
            secret.label = "Replace the key"
            secret.help_text = f"Now: {self.instance.masked}. Leave empty to keep it."

    def clean_name(self) -> str:
        return refuse_if(check_label, self.cleaned_data["name"], "The name")

    def clean_project(self) -> str:
        return refuse_if(check_label, self.cleaned_data["project"], "The project")

    def clean_new_secret(self) -> str:
        secret: str = self.cleaned_data["new_secret"]
        if not secret:
            return secret
        refuse_if(check_key, secret, "The key")
        same = ApiKey.objects.filter(key_hash__in=keyed_hashes(secret)).exclude(pk=self.instance.pk)
        other = same.select_related("group").first()
        if other:
            raise ValidationError(f"This key is already in group {other.group}.")
        return secret


class KeyChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """Gives each key of the page its row of the report: one report for all, not one a key."""
        super().get_results(request)
        keys = list(self.result_list)
        rows = key_report(ApiKey.objects.filter(pk__in=[key.pk for key in keys]), timezone.now())
        by_id = {row.id: row for row in rows}
        self.result_list = [key for key in keys if key.pk in by_id]
        for key in self.result_list:
            key.__dict__["row"] = by_id[key.pk]


def row_of(key: ApiKey) -> KeyRow:
    """Its row of the report, asked for once where no list has given it."""
    row: KeyRow | None = key.__dict__.get("row")
    if row is None:
        row = key.__dict__["row"] = key_report(ApiKey.objects.filter(pk=key.pk), timezone.now())[0]
    return row


@admin.register(ApiKey)
class ApiKeyAdmin(PooledAdmin[ApiKey]):
    form = ApiKeyForm
    list_display = ("label", "group", "state", "requests", "rate_limited", "errors", "tokens_in", "tokens_out", "used")
    list_filter = ("group", KeyStateFilter, ProjectFilter)
    list_select_related = ("group",)
    list_per_page = 100
    search_fields = ("name", "project", "masked")
    search_help_text = "Name, project or masked key, such as AIza…x9Qk"
    actions = ("release_keys", "disable_keys", "enable_keys", test_keys)
    usage_fields = ("state", "requests", "rate_limited", "errors", "tokens_in", "tokens_out", "used", "details")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).select_related("group").defer("secret", "group__proxy_url")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeyChangeList

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["group", "new_secret", "name", "project"]})]
        settings = ["masked_key", "new_secret", "group", "position", "name", "project", "status", "status_reason"]
        return [(None, {"fields": settings}), ("State and usage", {"fields": self.usage_fields})]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return () if obj is None else ("masked_key", "status_reason", *self.usage_fields)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm[ApiKey], change: bool) -> None:
        if form.cleaned_data["new_secret"]:
            obj.set_secret(form.cleaned_data["new_secret"])
        if "status" in form.changed_data:
            obj.status_reason = ""
        if not change or ("group" in form.changed_data and "position" not in form.changed_data):
            obj.position = next_position(obj.group.keys.exclude(pk=obj.pk))
        super().save_model(request, obj, form, change)

    def edited_columns(self, obj: ApiKey, form: ModelForm[ApiKey]) -> list[str]:
        columns = super().edited_columns(obj, form)
        if "new_secret" in form.changed_data:
            columns += ["secret", "key_hash", "masked"]
        if "status" in form.changed_data:
            columns.append("status_reason")
        if "group" in form.changed_data:
            columns.append("position")
        return columns

    def dependent_counts(self, ids: Sequence[int]) -> dict[str, int]:
        return counts_of_keys(ApiKey.objects.filter(pk__in=ids))

    @admin.display(description="key", ordering="name")
    def label(self, key: ApiKey) -> str:
        return str(key)

    @admin.display(description="key")
    def masked_key(self, key: ApiKey) -> str:
        return f"{key.masked} ({UNREADABLE_TEXT})" if key.secret == UNREADABLE else key.masked

    @admin.display(ordering="status")
    def state(self, key: ApiKey) -> SafeString:
        row = row_of(key)
        described = (line.removeprefix(row.state).strip() for line in row.describe_state(timezone.now()))
        lines = [key.status_reason, *described]
        details = format_html_join("", '<div class="state-detail">{}</div>', ((line,) for line in lines if line))
        return format_html("<div>{}{}</div>", state_badge(row.state), details)

    @admin.display
    def requests(self, key: ApiKey) -> str:
        return f"{row_of(key).requests:,}"

    @admin.display(description="429s")
    def rate_limited(self, key: ApiKey) -> str:
        return f"{row_of(key).rate_limited:,}"

    @admin.display
    def errors(self, key: ApiKey) -> str:
        return f"{row_of(key).errors:,}"

    @admin.display
    def tokens_in(self, key: ApiKey) -> str:
        return f"{row_of(key).prompt_tokens:,}"

    @admin.display
    def tokens_out(self, key: ApiKey) -> str:
        return f"{row_of(key).output_tokens:,}"

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, key: ApiKey) -> str:
        return second_text(key.last_used_at)

    @admin.display(description="more")
    def details(self, key: ApiKey) -> SafeString:
        events, usage = (reverse(f"admin:proxyapp_{name}_changelist") for name in ("ratelimitevent", "hourlyusage"))
        links = [("events", f"{events}?key={key.pk}"), ("usage by hour", f"{usage}?key={key.pk}")]
        if key.project:
            links.insert(1, ("events of its project", f"{events}?{urlencode({'project': key.project})}"))
        return format_html_join(", ", '<a href="{}">{}</a>', ((url, name) for name, url in links))

    @admin.action(description="Release (end the cooldowns, also those of their projects)", permissions=["change"])
    def release_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self._change_keys(request, queryset, "release")

    @admin.action(description="Disable", permissions=["change"])
    def disable_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self._change_keys(request, queryset, "disable")

    @admin.action(description="Enable", permissions=["change"])
    def enable_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self._change_keys(request, queryset, "enable")

    def _change_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey], action: KeyAction) -> None:
        ids = list(queryset.order_by().values_list("pk", flat=True))
        with transaction.atomic():
            changed = change_keys(action, ids, timezone.now())
            log_changes(request, ApiKey.objects.defer("secret").filter(pk__in=changed), f"{DONE[action]}.")
        level = messages.SUCCESS if changed else messages.WARNING
        self.message_user(request, f"{DONE[action]} {len(changed)} of {len(ids)} selected keys.", level)
