"""Making and changing client tokens. All is done by the store.

A new token is in the answer to its form and nowhere else: in no address, message, session, log or
history. What was sent once is not answered with a token again.
"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext, override

from proxyapp.access import token_store
from proxyapp.admin.client_tokens.form import ClientTokenForm
from proxyapp.admin.client_tokens.single_use_form import close_form, open_form, sent_number
from proxyapp.admin.parts.store_refusals import StoredAdmin
from proxyapp.admin.parts.versioned import VersionedAdmin
from proxyapp.models import ClientToken, audit
from proxyapp.vocabulary.languages import PLAIN

# For as long as a request lasts.
SHOWN_ONCE = "_shown_once"
ANY_MODEL = "gemini-2.5-flash"
ONE_BUTTON = {"show_save_and_continue": False, "show_save_and_add_another": False}


class TokenMaking(StoredAdmin[ClientToken], VersionedAdmin[ClientToken]):
    form = ClientTokenForm

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        number = sent_number(request) if request.method == "POST" else open_form(request)
        if number is None:
            return self._sent_before(request)
        return super().add_view(
            request, form_url, {**ONE_BUTTON, "form_number": number, **(extra_context or {})}
        )

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> ClientToken:
        token: ClientToken = form.instance
        return token

    def save_model(self, request: HttpRequest, obj: ClientToken, form: Any, change: bool) -> None:
        """The row is read again under a lock: the gateway and other operators write to it, too."""
        actor, terms = audit.operator(request.user), form.terms(timezone.now())
        if change:
            token_store.update_token(
                ClientToken.objects.select_for_update().get(pk=obj.pk), terms, actor
            )
        else:
            made, text = token_store.create(terms, actor)
            obj.pk = made.pk
            setattr(request, SHOWN_ONCE, text)
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The store has done it."""

    def construct_change_message(  # type: ignore[override]
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> str:
        """For the history of the row, in English. The audit log is the store's."""
        with override(PLAIN):
            labels = [str(form.fields[name].label or name) for name in form.changed_data]
        return (
            "Added." if add else f"Changed: {', '.join(labels)}." if labels else "Nothing changed."
        )

    def response_add(
        self, request: HttpRequest, obj: ClientToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The only page that ever has the token."""
        close_form(request)
        named = [model for model in obj.allowed_models if "*" not in model]
        context = {
            "title": gettext("Client token %(name)s") % {"name": obj.name},
            "page_url": reverse("admin:proxyapp_clienttoken_change", args=[obj.pk]),
            "token": obj,
            "text": getattr(request, SHOWN_ONCE, None),
            "origin": f"{request.scheme}://{request.get_host()}{request.META['SCRIPT_NAME']}",
            "model": named[0] if named else ANY_MODEL,
        }
        return self._page(request, "shown_once", context)

    def _sent_before(self, request: HttpRequest) -> HttpResponse:
        name = request.POST.get("name", "").strip()
        known = ClientToken.objects.filter(name__iexact=name).first()
        title = gettext("This form was sent before")
        return self._page(request, "sent_before", {"title": title, "token": known})

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        site = self.admin_site.each_context(request) | {"opts": self.opts, "media": self.media}
        response = TemplateResponse(
            request, f"admin/proxyapp/clienttoken/{name}.html", site | context
        )
        add_never_cache_headers(response)
        return response
