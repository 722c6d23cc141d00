"""What a session of the admin has to keep to: its limits, and the second factor.

Whoever still has to show a code, or has to set the second factor up, is nobody to every view but
those two pages: `request.user` is anonymous, and `request.pending_user` is who they are.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode

from proxyapp.access.second_factor import is_passed
from proxyapp.models import SecondFactor

BEGAN, SEEN = "began_at", "seen_at"
# Each note is a write. Sessions without a request last for hours: five minutes are exact enough.
SEEN_OFTEN_ENOUGH_SECONDS = 300
# Between the password and the code, with the time to fetch a phone.
PENDING_SECONDS = 600
OPEN_PATHS = (
    "admin:login",
    "admin:logout",
    "set_language",
    "second_factor",
    "second_factor_set_up",
)


class SignedIn(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if not request.path_info.startswith("/admin/") or SESSION_KEY not in request.session:
            return None
        now = time.time()
        if has_run_out(request.session, now):
            logout(request)
            return None
        touch(request.session, now)
        return self._second_factor(request, now)

    def _second_factor(self, request: HttpRequest, now: float) -> HttpResponse | None:
        user = request.user
        if not user.is_authenticated or not user.is_staff:
            return None
        factor_id = (
            SecondFactor.objects.filter(user_id=user.pk).values_list("pk", flat=True).first()
        )
        if is_passed(factor_id, request.session):
            return None
        if now - request.session[BEGAN] > PENDING_SECONDS and factor_id is not None:
            logout(request)
            return None
        if request.path == reverse("admin:logout"):
            return None  # Django's page lets nobody log out who is nobody
        request.pending_user = user  # type: ignore[attr-defined]
        request.user = AnonymousUser()
        if request.path in map(reverse, OPEN_PATHS):
            return None
        return to_page(
            "second_factor" if factor_id else "second_factor_set_up", request.get_full_path()
        )


def to_page(name: str, then: str) -> HttpResponseRedirect:
    return redirect(f"{reverse(name)}?{urlencode({'next': then})}")


def begin(session: SessionBase, now: float) -> None:
    """At a sign-in: what an earlier one in the same session has shown does not count."""
    session[BEGAN] = session[SEEN] = int(now)
    session.pop("second_factor", None)
    set_end(session, now)


def touch(session: SessionBase, now: float) -> None:
    """Seldom: each time is a row to write."""
    if BEGAN not in session:
        begin(session, now)
    elif now - session.get(SEEN, 0) >= min(
        SEEN_OFTEN_ENOUGH_SECONDS, settings.SESSION_COOKIE_AGE / 10
    ):
        session[SEEN] = int(now)
        set_end(session, now)


def set_end(session: SessionBase, now: float) -> None:
    """In the session's row, where the live pages look as well."""
    session.set_expiry(
        max(1, min(settings.SESSION_COOKIE_AGE, int(session[BEGAN] + lifetime_seconds() - now)))
    )


def has_run_out(session: SessionBase, now: float) -> bool:
    """Also when a limit is shorter now than at the sign-in."""
    if BEGAN not in session:
        return False
    return bool(
        now >= session[BEGAN] + lifetime_seconds()
        or now >= session[SEEN] + settings.SESSION_COOKIE_AGE
    )


def lifetime_seconds() -> float:
    return timedelta(days=settings.SESSION_LIFETIME_DAYS).total_seconds()
