"""Operator tokens in the admin: made, shown once, looked at and revoked; never changed."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from proxyapp.access import operator_tokens
from proxyapp.access.operator_tokens import state_of
from proxyapp.admin.client_tokens.single_use_form import close_form, open_form, sent_number
from proxyapp.admin.operator_tokens.form import OperatorTokenForm
from proxyapp.admin.parts.badges import Variant, badge
from proxyapp.admin.parts.moments import local_time
from proxyapp.admin.parts.page_words import Words
from proxyapp.admin.parts.store_refusals import StoredAdmin
from proxyapp.models import OperatorToken, audit

VARIANTS: dict[str, Variant] = {
    "active": "success",
    "expired": "default",
    "revoked": "danger",
    "powerless": "warning",
}
STATE_WORDS = {
    "active": pgettext_lazy("operator token", "active"),
    "expired": pgettext_lazy("operator token", "expired"),
    "revoked": pgettext_lazy("operator token", "revoked"),
    "powerless": pgettext_lazy("operator token", "powerless"),
}
USED_UP = _("This form was sent before: a form makes one token. Nothing was made now.")


@admin.register(OperatorToken)
class OperatorTokenAdmin(StoredAdmin[OperatorToken]):
    words = Words(
        _("operator token"),
        _("operator tokens"),
        none=_("There are no operator tokens yet. A script that uses the management API has one."),
    )
    form = OperatorTokenForm
    list_display = ("name", "masked", "standing", "role", "user", "used", "ends")
    list_select_related = ("role", "user")
    search_fields = ("name", "masked")
    list_per_page = 100
    show_full_result_count = False
    actions = ("revoke_tokens",)
    list_before_template = "admin/proxyapp/operatortoken/about.html"
    add_form_template = "admin/proxyapp/operatortoken/add_form.html"

    class Media:
        css = {"all": ("proxyapp/keys.css", "proxyapp/tokens.css")}
        js = ("proxyapp/tokens.js",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a token may do does not change: another is made."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoked ones say who had one."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("proxyapp.change_operatortoken")

    def get_fields(self, request: HttpRequest, obj: OperatorToken | None = None) -> Any:
        if obj is None:
            return ["name", "role", "lifetime"]
        return ["name", "masked", "standing", "role", "user", "made", "used", "ends"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        number = sent_number(request) if request.method == "POST" else open_form(request)
        if number is None and self.has_add_permission(request):
            self.message_user(request, USED_UP, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:proxyapp_operatortoken_changelist"))
        buttons = {"show_save_and_continue": False, "show_save_and_add_another": False}
        context = {**buttons, "form_number": number, **(extra_context or {})}
        return super().add_view(request, form_url, context)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> OperatorToken:
        token: OperatorToken = form.instance
        return token

    def save_model(self, request: HttpRequest, obj: OperatorToken, form: Any, change: bool) -> None:
        user: Any = request.user
        now = timezone.now()
        made, text = operator_tokens.create(
            form.cleaned_data["name"],
            user,
            form.cleaned_data["role"],
            form.expiry(now),
            audit.operator(user),
            now,
        )
        obj.pk = made.pk
        obj.refresh_from_db()
        request._operator_token = text  # type: ignore[attr-defined]  # for as long as this request lasts

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """There is nothing beside the row."""

    def response_add(
        self, request: HttpRequest, obj: OperatorToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The only page that ever has the token."""
        close_form(request)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Operator token %(name)s") % {"name": obj.name},
            "page_url": reverse("admin:proxyapp_operatortoken_changelist"),
            "token": obj,
            "text": getattr(request, "_operator_token", ""),
            "origin": f"{request.scheme}://{request.get_host()}{request.META['SCRIPT_NAME']}",
            "opts": self.opts,
            "media": self.media,
        }
        response = TemplateResponse(
            request, "admin/proxyapp/operatortoken/shown_once.html", context
        )
        add_never_cache_headers(response)
        return response

    @admin.action(description=_("Revoke (for good)"), permissions=["revoke"])
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet[OperatorToken]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        revoked = operator_tokens.revoke(ids, audit.operator(request.user), timezone.now())
        level = messages.SUCCESS if revoked else messages.WARNING
        text = ngettext(
            "Revoked %(count)d of %(selected)d selected operator token.",
            "Revoked %(count)d of %(selected)d selected operator tokens.",
            len(ids),
        )
        counts = {"count": len(revoked), "selected": len(ids)}
        self.message_user(request, text % counts, level)

    @admin.display(description=pgettext_lazy("of a row", "state"))
    def standing(self, token: OperatorToken) -> SafeString:
        state = state_of(token, timezone.now())
        return badge(str(STATE_WORDS[state]), VARIANTS[state])

    @admin.display(description=_("last used"), ordering="last_used_at")
    def used(self, token: OperatorToken) -> str:
        return _moment(token.last_used_at)

    @admin.display(description=_("expires"), ordering="expires_at")
    def ends(self, token: OperatorToken) -> str:
        return _moment(token.expires_at)

    @admin.display(description=pgettext_lazy("when", "made"))
    def made(self, token: OperatorToken) -> str:
        return local_time(token.created_at)


def _moment(moment: datetime | None) -> str:
    return local_time(moment) if moment else gettext("never")
