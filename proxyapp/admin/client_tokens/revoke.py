"""Ending client tokens: revoked for good, or deleted with what is known of their usage.

A page asks before either.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as ask_and_delete
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from proxyapp.access import token_store
from proxyapp.admin.parts.filters import is_id
from proxyapp.admin.parts.unfold_typed import ModelAdmin
from proxyapp.models import ClientToken, TokenUsage, audit

CONFIRMED = "confirmed"
# Named on the page; the others are counted.
SHOWN = 20
WITHIN_A_SECOND = _(
    "Within a second no process of the gateway lets its clients in any more: they get a 401."
)
FOR_GOOD = _(
    "This is for good: no token can be brought back. Its usage stays, and so does its name."
)
USAGE_GOES = _(
    "What is known of its usage goes, too. To end a token and keep that, revoke it instead."
)
OPEN_AGAIN = _(
    "No token is left then: a gateway on loopback is open again to everyone on this machine, and"
    " one that others can reach does not start any more until it has a token."
)
OPEN_ANYWAY = _(
    "No token is left then, and allow_anonymous is set: everyone who reaches the gateway may use"
    " the keys."
)


class TokenEnding(ModelAdmin[ClientToken]):
    actions: Sequence[Any] = ("revoke_tokens", "delete_selected")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        return [
            path("<path:object_id>/revoke/", view, name="proxyapp_clienttoken_revoke"),
            *super().get_urls(),
        ]

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        token = self.get_object(request, object_id)
        if token is None:
            raise Http404(gettext("There is no such token."))
        back = reverse("admin:proxyapp_clienttoken_change", args=[token.pk])
        if token.revoked_at is None and request.method != "POST":
            return self._ask(request, [token], back, [])
        if request.method == "POST":
            self._revoke(request, [token.pk])
        return HttpResponseRedirect(back)

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke_tokens(
        self, request: HttpRequest, queryset: QuerySet[ClientToken]
    ) -> HttpResponse | None:
        if CONFIRMED in request.POST:
            self._revoke(request, list(queryset.values_list("pk", flat=True)))
            return None
        posted = [(name, value) for name, values in request.POST.lists() for value in values]
        posted = [
            *((name, value) for name, value in posted if name != "csrfmiddlewaretoken"),
            (CONFIRMED, "yes"),
        ]
        tokens = list(queryset.filter(revoked_at=None))
        if not tokens:
            self.message_user(request, gettext("They are revoked already."), messages.WARNING)
            return None
        return self._ask(request, tokens, reverse("admin:proxyapp_clienttoken_changelist"), posted)

    @admin.action(description=_("Delete"), permissions=["delete"])
    def delete_selected(
        self, request: HttpRequest, queryset: QuerySet[ClientToken]
    ) -> HttpResponse | None:
        """Django's own, which asks first; the page says what becomes of clients."""
        answer: HttpResponse | None = ask_and_delete(self, request, queryset)
        if isinstance(answer, TemplateResponse) and answer.context_data is not None:
            answer.context_data |= consequences(list(queryset.values_list("pk", flat=True)))
        return answer

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        ids = [int(object_id)] if is_id(object_id) else []
        return super().delete_view(request, object_id, consequences(ids) | (extra_context or {}))

    def delete_model(self, request: HttpRequest, obj: ClientToken) -> None:
        token_store.delete([obj.pk], audit.operator(request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ClientToken]) -> None:
        token_store.delete(
            list(queryset.values_list("pk", flat=True)), audit.operator(request.user)
        )

    def get_deleted_objects(
        self, objs: Sequence[ClientToken] | QuerySet[ClientToken], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Counts instead of a list: a token may have thousands of rows of usage."""
        tokens = list(objs)
        labels = [str(token) for token in tokens[:SHOWN]]
        if len(tokens) > SHOWN:
            labels.append(gettext("… and %(count)d more") % {"count": len(tokens) - SHOWN})
        usage = TokenUsage.objects.filter(token__in=[token.pk for token in tokens]).count()
        counts = {
            str(self.opts.verbose_name_plural): len(tokens),
            gettext("rows of usage (by day and model)"): usage,
        }
        lacking = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return labels, counts, lacking, []

    def _revoke(self, request: HttpRequest, ids: Collection[int]) -> None:
        revoked = token_store.revoke(ids, audit.operator(request.user), timezone.now())
        if not revoked:
            self.message_user(request, gettext("It is revoked already."), messages.WARNING)
            return
        if request.user.pk is not None:
            LogEntry.objects.log_actions(request.user.pk, revoked, CHANGE, "Revoked.")
        text = ngettext(
            "Token %(name)s is revoked: nobody gets in with it any more.",
            "%(count)d tokens are revoked: nobody gets in with it any more.",
            len(revoked),
        )
        named = {"name": revoked[0].name, "count": len(revoked)}
        self.message_user(request, text % named, messages.SUCCESS)

    def _ask(
        self,
        request: HttpRequest,
        tokens: Sequence[ClientToken],
        back_url: str,
        posted: list[tuple[str, Any]],
    ) -> HttpResponse:
        title = ngettext("Revoke token %(name)s?", "Revoke %(count)d tokens?", len(tokens))
        context = {
            **self.admin_site.each_context(request),
            "title": title % {"name": tokens[0].name, "count": len(tokens)},
            "tokens": tokens[:SHOWN],
            "more": max(len(tokens) - SHOWN, 0),
            "consequences": [WITHIN_A_SECOND, FOR_GOOD],
            "back_url": back_url,
            "posted": posted,
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/proxyapp/clienttoken/revoke.html", context)


def consequences(ids: Collection[int]) -> dict[str, Any]:
    """For the page that asks before a deletion."""
    if ClientToken.objects.exclude(pk__in=ids).exists():
        return {"consequences": [WITHIN_A_SECOND, USAGE_GOES], "warning": ""}
    return {
        "consequences": [USAGE_GOES],
        "warning": OPEN_ANYWAY if settings.ALLOW_ANONYMOUS else OPEN_AGAIN,
    }
