"""The admin's log-in page, with a limit on guessing; and the page of who is locked out."""

import time
import unicodedata
from typing import Any

from django.contrib import admin
from django.core.signing import BadSignature, Signer
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from proxyapp.access.session_rules import begin
from proxyapp.access.sign_in_limits import Guess, LockedOut, admit_guess, succeeded
from proxyapp.models import SecondFactor
from proxyapp.models.sealed import keyed_hash
from proxyapp.vocabulary.shown_times import span_text

BROWSER_COOKIE = "gateway_browser"
# Half a year: who signs in now and then keeps the limit of their own.
BROWSER_SECONDS = 180 * 24 * 3600
# As long as Django's user names.
MOST_NAME_CHARACTERS = 150


@never_cache
@csrf_protect
def sign_in(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        return admin.site.login(request)
    guess = guess_of(request, "password", request.POST.get("username", ""))
    try:
        admit_guess(guess, timezone.now())
        response = admin.site.login(request)
        if response.status_code != 302 or not request.user.is_authenticated:
            return response
        succeeded(guess)
        begin(request.session, time.time())
    except LockedOut as lock:
        return locked_out(request, lock)
    except DatabaseError:
        return database_away_response(request)
    if not has_second_factor(request):
        remember_browser(request, response, guess)
    return response


@never_cache
@csrf_protect
def change_password(request: HttpRequest) -> HttpResponseBase:
    """The old password is guessed as well, by who has found an open browser."""
    change = admin.site.admin_view(admin.site.password_change)
    if request.method != "POST" or not request.user.is_authenticated:
        return change(request)
    guess = guess_of(request, "old password", request.user.get_username())
    try:
        admit_guess(guess, timezone.now())
        response = change(request)
        if not is_wrong_password(response):
            succeeded(guess)
    except LockedOut as lock:
        return locked_out(request, lock)
    except DatabaseError:
        return database_away_response(request)
    return response


def is_wrong_password(response: HttpResponseBase) -> bool:
    form = (getattr(response, "context_data", None) or {}).get("form")
    return form is not None and "old_password" in form.errors


def has_second_factor(request: HttpRequest) -> bool:
    """Who knows only the password gets no cookie: it would leave more guesses of the code."""
    return SecondFactor.objects.filter(user_id=request.user.pk or 0).exists()


def guess_of(request: HttpRequest, kind: str, name: str) -> Guess:
    """The name as Django's form reads it: letters of another width bring no tries of their own."""
    name = unicodedata.normalize("NFKC", name.strip())[:MOST_NAME_CHARACTERS]
    return Guess(kind, name, request.META.get("REMOTE_ADDR", ""), browser_of(request, name))


def browser_of(request: HttpRequest, name: str) -> str:
    """The browser's number, if it has signed in under this name before."""
    try:
        text = _signer(name).unsign(request.COOKIES.get(BROWSER_COOKIE, ""))
    except BadSignature:
        return ""
    return f"{text} {name}"


def remember_browser(request: HttpRequest, response: HttpResponseBase, guess: Guess) -> None:
    if guess.browser:
        return
    value = _signer(guess.name).sign(get_random_string(22))
    response.set_cookie(
        BROWSER_COOKIE,
        value,
        max_age=BROWSER_SECONDS,
        path=reverse("admin:index"),
        secure=request.is_secure(),
        httponly=True,
        samesite="Strict",
    )


def _signer(name: str) -> Signer:
    """A cookie says nothing of whose it is, and counts for one name."""
    return Signer(salt=f"gemini-key-gateway.browser:{keyed_hash(name)}")


def locked_out(request: HttpRequest, lock: LockedOut) -> HttpResponse:
    minutes = -(-lock.seconds // 60)
    left = ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    if lock.seconds < 60:
        left = span_text(lock.seconds, "s")
    response = page(request, "locked_out", _("Too many attempts"), {"left": left}, status=429)
    response["Retry-After"] = str(lock.seconds)
    return response


def database_away_response(request: HttpRequest) -> HttpResponse:
    """Nothing could be counted, so nothing was looked at."""
    text = _("The database cannot be written to at the moment. Try again in a while.")
    return HttpResponse(
        f"{text}\n",
        status=503,
        content_type="text/plain; charset=utf-8",
        headers={"Retry-After": "10"},
    )


def page(
    request: HttpRequest, name: str, title: str, context: dict[str, Any], *, status: int = 200
) -> TemplateResponse:
    """In the look of the log-in page."""
    context = admin.site.each_context(request) | {"title": title} | context
    return TemplateResponse(request, f"admin/sign_in/{name}.html", context, status=status)
