"""The pages of the second factor: the code at a log-in, and setting it up."""

import time
from typing import Any

import qrcode
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import Error as DatabaseError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from qrcode.image.svg import SvgPathImage

from proxyapp.access.second_factor import (
    VERIFIED,
    new_secret,
    otpauth_url,
    renew_recovery_codes,
    step_of,
    turn_on,
    uses,
    uses_recovery_code,
)
from proxyapp.access.session_rules import begin
from proxyapp.access.sign_in_limits import LockedOut, admit_guess, succeeded
from proxyapp.admin.parts.carried_form import seal, unseal
from proxyapp.admin.sign_in.sign_in import (
    database_away_response,
    guess_of,
    locked_out,
    page,
    remember_browser,
)
from proxyapp.models import SecondFactor, audit

WRONG_CODE = gettext_noop("This code is not right, or was used already. Wait for the next one.")
TOO_OLD = gettext_noop("This page is too old. Here is a new picture: scan it instead.")


@never_cache
@csrf_protect
def code_view(request: HttpRequest) -> HttpResponse:
    """After the password: a code of the app, or a recovery code."""
    user = pending_user(request)
    factor = SecondFactor.objects.filter(user_id=user.pk).first() if user else None
    if user is None or factor is None or request.user.is_authenticated:
        return redirect("admin:index")
    context = {
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "name": user.get_username(),
    }
    if request.method != "POST":
        return page(request, "code", _("Second factor"), context)
    try:
        if not is_right(request, user, factor):
            return page(request, "code", _("Second factor"), context | {"error": _(WRONG_CODE)})
    except LockedOut as lock:
        return locked_out(request, lock)
    except DatabaseError:
        return database_away_response(request)
    pass_session(request, factor)
    response = onward(request)
    remember_browser(request, response, guess_of(request, "password", user.get_username()))
    return response


@never_cache
@csrf_protect
def set_up_view(request: HttpRequest) -> HttpResponse:
    """A user's own second factor: to turn on; once on, to turn off or to get new recovery codes."""
    user = plain_user(request.user) or pending_user(request)
    if user is None or not user.is_staff:
        return HttpResponseRedirect(
            f"{reverse('admin:login')}?next={reverse('second_factor_set_up')}"
        )
    factor = SecondFactor.objects.filter(user_id=user.pk).first()
    if factor is not None and not request.user.is_authenticated:
        return redirect("second_factor")  # known by the password only
    try:
        return _turn_on(request, user) if factor is None else _change(request, user, factor)
    except LockedOut as lock:
        return locked_out(request, lock)
    except DatabaseError:
        return database_away_response(request)


def _turn_on(request: HttpRequest, user: User) -> HttpResponse:
    if request.method != "POST":
        return _picture(request, user, new_secret())
    secret = unseal(request.POST.get("carried", ""), f"second-factor:{user.pk}")
    if secret is None:
        return _picture(request, user, new_secret(), _(TOO_OLD))
    guess = guess_of(request, "code", user.get_username())
    admit_guess(guess, timezone.now())
    step = step_of(secret, request.POST.get("code", ""), time.time())
    if step is None:
        return _picture(request, user, secret, _(WRONG_CODE))
    succeeded(guess)
    with transaction.atomic():
        factor, codes = turn_on(user, secret, step)
        audit.record(audit.operator(user), "change", [user], "second factor turned on")
    request.user = user
    pass_session(request, factor)
    return _codes(request, codes)


def _change(request: HttpRequest, user: User, factor: SecondFactor) -> HttpResponse:
    """Each change asks for a code: an open browser is not enough."""
    context = {
        "left": len(factor.recovery_hashes),
        "since": factor.created_at,
        "may_turn_off": may_turn_off(),
    }
    if request.method != "POST":
        return page(request, "second_factor", _("Second factor"), context)
    if not is_right(request, user, factor):
        return page(
            request, "second_factor", _("Second factor"), context | {"error": _(WRONG_CODE)}
        )
    if "turn_off" in request.POST and may_turn_off():
        with transaction.atomic():
            factor.delete()
            audit.record(audit.operator(user), "change", [user], "second factor turned off")
        return redirect("admin:index")
    with transaction.atomic():
        codes = renew_recovery_codes(factor)
        audit.record(audit.operator(user), "change", [user], "new recovery codes")
    return _codes(request, codes)


def is_right(request: HttpRequest, user: User, factor: SecondFactor) -> bool:
    """Raises LockedOut after too many wrong ones."""
    guess = guess_of(request, "code", user.get_username())
    admit_guess(guess, timezone.now())
    code = request.POST.get("code", "")
    if not uses(factor, code):
        if not uses_recovery_code(factor, code):
            return False
        audit.record(audit.operator(user), "change", [user], "recovery code used")
    succeeded(guess)
    return True


def pending_user(request: HttpRequest) -> User | None:
    return plain_user(getattr(request, "pending_user", None))


def plain_user(user: object) -> User | None:
    """Django's is a proxy that looks itself up."""
    return User.objects.filter(pk=user.pk).first() if isinstance(user, User) else None


def pass_session(request: HttpRequest, factor: SecondFactor) -> None:
    """Under a new number, so that one that was known before is worth nothing."""
    request.session.cycle_key()
    begin(request.session, time.time())
    request.session[VERIFIED] = factor.pk


def onward(request: HttpRequest) -> HttpResponseRedirect:
    url = request.POST.get("next", "")
    is_own = url_has_allowed_host_and_scheme(
        url, {request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(url if is_own else reverse("admin:index"))


def may_turn_off() -> bool:
    return not settings.REQUIRE_TOTP


def _picture(request: HttpRequest, user: User, secret: str, error: str = "") -> HttpResponse:
    link = otpauth_url(secret, user.get_username())
    context: dict[str, Any] = {
        "picture": picture(link),
        "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        "carried": seal(secret, f"second-factor:{user.pk}"),
        "error": error,
        "is_required": isinstance(request.user, AnonymousUser),
    }
    return page(request, "set_up", _("Second factor"), context)


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return page(request, "recovery_codes", _("Recovery codes"), {"codes": codes})


def picture(text: str) -> SafeString:
    """A QR code as SVG, made of numbers only."""
    svg: str = qrcode.make(text, image_factory=SvgPathImage, border=2).to_string(encoding="unicode")
    return mark_safe(svg)  # noqa: S308
