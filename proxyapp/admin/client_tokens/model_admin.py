"""Client tokens: who may use the gateway, how much of it, and what they did."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from proxyapp.access.budgets import BUDGETS, budget_texts
from proxyapp.access.token_store import LIMITS
from proxyapp.admin.client_tokens.create import TokenMaking
from proxyapp.admin.client_tokens.filters import TokenStateFilter, UsableGroupFilter
from proxyapp.admin.client_tokens.list import (
    COLUMNS,
    ClientTokenChangeList,
    cost_lines,
    requests_today,
    state_lines,
    tokens_today,
    used,
)
from proxyapp.admin.client_tokens.revoke import TokenEnding
from proxyapp.admin.client_tokens.usage import usage_of_token
from proxyapp.admin.parts.moments import local_time
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.unfold_typed import ChangeList
from proxyapp.admin.records.audit_log import entries_of
from proxyapp.models import ClientToken, Group
from proxyapp.vocabulary.model_lists import fallback_lines

TERMS = ["name", "reach", "groups", "models", "fallbacks", "shared_resources"]
EXPIRY = ["lifetime", "expires_on"]
LOOKS = (
    "name",
    "may_use",
    "models_allowed",
    "asked_instead",
    "shared_resources",
    *LIMITS,
    "budget",
    "expires_at",
)


@admin.register(ClientToken)
class ClientTokenAdmin(TokenMaking, TokenEnding):
    words = Words(
        _("client token"),
        _("client tokens"),
        none=_("There are no client tokens yet. Each client that has its own can be limited."),
    )
    list_display = COLUMNS
    list_filter = (TokenStateFilter, UsableGroupFilter)
    search_fields = ("name", "masked")
    search_help_text = _("Name or masked token, such as gk-…x9Qk")
    list_per_page = 100
    show_full_result_count = False
    change_form_template = "admin/proxyapp/clienttoken/change_form.html"
    delete_confirmation_template = "admin/proxyapp/apikey/delete_confirmation.html"
    delete_selected_confirmation_template = (
        "admin/proxyapp/apikey/delete_selected_confirmation.html"
    )

    class Media:
        css = {"all": ("proxyapp/keys.css", "proxyapp/groups.css", "proxyapp/tokens.css")}
        js = ("proxyapp/groups.js", "proxyapp/tokens.js")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientToken]:
        groups = Prefetch("allowed_groups", Group.objects.defer("proxy_url", "proxy_pool"))
        return super().get_queryset(request).prefetch_related(groups)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ClientTokenChangeList

    def get_fieldsets(self, request: HttpRequest, obj: ClientToken | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": LOOKS})]
        return [
            (None, {"fields": TERMS}),
            (
                _("Limits"),
                {
                    "fields": (*LIMITS, *BUDGETS),
                    "description": _("Days are UTC's. What is over a limit gets a 429."),
                },
            ),
            (_("Expiry"), {"fields": EXPIRY}),
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: ClientToken | None = None
    ) -> tuple[str, ...]:
        return () if obj is None or self.has_change_permission(request, obj) else LOOKS

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        token = context.get("original")
        if token is not None:
            context |= self._context(request, token)
        return super().render_change_form(request, context, *args, **kwargs)

    def _context(self, request: HttpRequest, token: ClientToken) -> dict[str, Any]:
        now, has_permission = timezone.now(), request.user.has_perm
        has_no_group = token.is_limited_to_groups and not token.allowed_groups.all()
        may_see_usage = has_permission("proxyapp.view_tokenusage")
        return {
            "state": state_lines(token, now),
            "figures": list(_figures(token)),
            "has_no_group": has_no_group,
            "may_revoke": token.revoked_at is None and self.has_change_permission(request, token),
            "usage": usage_of_token(token.pk, now) if may_see_usage else None,
            "links": list(_links(token, has_permission)),
        }

    @admin.display(description=_("may use"))
    def may_use(self, token: ClientToken) -> str:
        if not token.is_limited_to_groups:
            return gettext("the keys of every group")
        names = ", ".join(group.name for group in token.allowed_groups.all())
        return names or gettext("no group: those it had were deleted")

    @admin.display(description=_("models"))
    def models_allowed(self, token: ClientToken) -> str:
        return ", ".join(token.allowed_models) or gettext("every model")

    @admin.display(description=_("budget"))
    def budget(self, token: ClientToken) -> str:
        texts = (f"{text} ({gettext(name)})" for name, text in budget_texts(token))
        return ", ".join(texts) or pgettext("of budgets", "none")

    @admin.display(description=_("fallbacks"))
    def asked_instead(self, token: ClientToken) -> str:
        return "; ".join(fallback_lines(token.fallbacks)) or pgettext("of fallbacks", "none")


def _figures(token: ClientToken) -> Iterator[tuple[str, SafeString | str]]:
    yield pgettext("client token", "Token"), format_html("<code>{}</code>", token.masked)
    yield gettext("Requests today"), requests_today(token)
    yield gettext("Tokens today"), tokens_today(token)
    yield gettext("Cost"), cost_lines(token, with_month=True)
    yield gettext("Last used"), used(token)
    yield pgettext("when", "Made"), local_time(token.created_at)


def _links(token: ClientToken, has_permission: Callable[[str], bool]) -> Iterator[SafeString]:
    """Only to pages that the operator may see."""
    if has_permission("proxyapp.view_hourlyusage"):
        url = reverse("admin:proxyapp_hourlyusage_changelist")
        yield format_html('<a href="{}">{}</a>', url, gettext("usage of all keys"))
    if has_permission("proxyapp.view_auditentry"):
        yield entries_of(token)
