"""What the admin answers when what stands in front of it and its settings do not fit: what to set.

The values come from the request. They are shown on the page to whoever sits at this machine, and
written to the log once in a while; others read only which settings it is about.
"""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from proxyapp.access.front_request import AdminSettings, FrontRequest, settings_for

log = logging.getLogger(__name__)
# A stranger makes such requests as often as he likes.
LOG_SECONDS = 60.0
WRONG_HOST = gettext_noop(
    "This gateway's admin does not answer under this host name.\nIf the name is right, add it to"
    " the setting ALLOWED_HOSTS (environment or .env) and start the gateway again.\n"
)
IN_THE_LOG = gettext_noop("Whoever runs the gateway finds what to set in its log.\n")
NO_SCHEME = gettext_noop(
    "BEHIND_TLS is set, but the proxy in front does not say by which scheme it was asked: let it"
    " set X-Forwarded-Proto (nginx: proxy_set_header X-Forwarded-Proto $scheme;), or unset"
    " BEHIND_TLS."
)
NOT_TRUSTED = gettext_noop(
    "BEHIND_TLS is set, but TRUSTED_PROXIES does not have the proxy that asked, so its"
    " X-Forwarded-Proto does not count."
)


class SeldomSaid:
    """One line of a kind in LOG_SECONDS."""

    def __init__(self) -> None:
        self.said_at: dict[str, float] = {}

    def warn(self, kind: str, text: str) -> None:
        now = time.monotonic()
        if now - self.said_at.get(kind, -LOG_SECONDS) >= LOG_SECONDS:
            self.said_at[kind] = now
            log.warning("%s", text)


seldom = SeldomSaid()


def refused_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    front = front_of(request)
    lines = settings_for(front, admin_settings()) if front and "checking failed" in reason else []
    if lines:
        seldom.warn(
            "form",
            "A form of the admin was refused: the page that sent it has another address than"
            f" {own_address(request)}. If it was the admin's own, set {' '.join(lines)} and start"
            " the gateway again.",
        )
    elif "checking failed" in reason:
        seldom.warn(
            "foreign form",
            "A form of the admin was refused: the page that sent it has another address than"
            f" {own_address(request)}. If it was the admin's own, let the proxy in"
            " front pass the Host (nginx: proxy_set_header Host $host;), or set"
            " CSRF_TRUSTED_ORIGINS to the address that the browser shows.",
        )
    is_shown = bool(lines) and front is not None and front.is_of_this_machine
    context = {"lines": lines if is_shown else [], "is_about_front": bool(lines)}
    return render(request, "403_csrf.html", context, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if not isinstance(exception, DisallowedHost):
        return plain(_("Bad request.\n"))
    front = front_of(request)
    lines = settings_for(front, admin_settings()) if front else []
    if not lines:
        return plain(_(WRONG_HOST))
    told = " ".join(lines)
    seldom.warn(
        "host",
        "The admin was asked for under a host name that it does not answer under. If it is this"
        f" gateway's own, set {told} and start it again.",
    )
    # By plain HTTP any site can let a name of its own point here (DNS rebinding): no page takes it
    # for right.
    is_shown = front is not None and front.scheme == "https" and front.is_of_this_machine
    return plain(f"{_(WRONG_HOST)}{joined(lines) if is_shown else _(IN_THE_LOG)}")


def endless_redirect(request: HttpRequest) -> HttpResponse | None:
    """Instead of a redirect to HTTPS that would come back the same. None: it would not."""
    front = front_of(request)
    if front is None or front.scheme == "http" or not (front.is_trusted or front.is_proxied):
        return None
    if front.scheme != "https":
        seldom.warn("scheme", NO_SCHEME)
        return plain(f"{_(NO_SCHEME)}\n")
    lines = settings_for(front, admin_settings())
    if front.is_trusted or not lines:
        return None
    seldom.warn("untrusted", f"{NOT_TRUSTED} Set {' '.join(lines)} and start the gateway again.")
    return plain(
        f"{_(NOT_TRUSTED)}\n{joined(lines) if front.is_of_this_machine else _(IN_THE_LOG)}"
    )


def front_of(request: HttpRequest) -> FrontRequest | None:
    """None: behind another server than this gateway's own, as under Django's test client."""
    found = request.scope.get("gateway.front") if isinstance(request, ASGIRequest) else None
    return found if isinstance(found, FrontRequest) else None


def own_address(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def admin_settings() -> AdminSettings:
    return AdminSettings(
        settings.ALLOWED_HOSTS,
        settings.ALLOWED_HOSTS if settings.HOSTS_ARE_CONFIGURED else [],
        settings.TRUSTED_PROXIES,
        settings.CSRF_TRUSTED_ORIGINS,
        settings.BEHIND_TLS,
    )


def joined(lines: list[str]) -> str:
    text = _("This request would pass with")
    return f"{text}\n\n" + "".join(f"    {line}\n" for line in lines)


def plain(text: str) -> HttpResponse:
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")


class BehindTlsMiddleware:
    """Before Django's redirect to HTTPS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_redirected = settings.BEHIND_TLS and not request.is_secure()
        answer = endless_redirect(request) if is_redirected else None
        return answer or self._get_response(request)
