"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes for its loss."""

import base64
import hashlib
import secrets
import time
from collections.abc import Iterable

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import Q

from proxyapp.models import SecondFactor

# What authenticator apps take for granted; RFC 6238 (5.2) advises one step of tolerance at most.
STEP_SECONDS, DIGITS, TOLERATED_STEPS = 30, 6, 1
# Ten minutes: a step further in the future was noted by a clock that was wrong.
STEPS_AHEAD = 20
# RFC 4226 (4) recommends 160 bits.
SECRET_BYTES = 20
RECOVERY_CODES, RECOVERY_BYTES = 10, 10
VERIFIED = "second_factor"
ISSUER = "Gemini Key Gateway"


def new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def new_recovery_codes() -> list[str]:
    """Shown once. Four groups of four."""
    codes = [
        base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
        for _ in range(RECOVERY_CODES)
    ]
    return ["-".join(code[i : i + 4] for i in range(0, 16, 4)) for code in codes]


def otpauth_url(secret: str, name: str) -> str:
    """What the app reads from the picture."""
    return _totp(secret).get_provisioning_uri(name, ISSUER)


def step_of(secret: str, code: str, now: float) -> int | None:
    """Which time step the code is of; None: of none that counts now."""
    text = "".join(code.split())
    if not (text.isascii() and text.isdigit() and len(text) == DIGITS) or not secret:
        return None
    current = int(now) // STEP_SECONDS
    for step in (
        current,
        *(current + sign * far for far in range(1, TOLERATED_STEPS + 1) for sign in (-1, 1)),
    ):
        try:
            _totp(secret).verify(text.encode(), step * STEP_SECONDS)
        except InvalidToken:
            continue
        return step
    return None


def turn_on(user: AbstractBaseUser, secret: str, step: int) -> tuple[SecondFactor, list[str]]:
    """Replaces the user's present one, if there is one. Returns the recovery codes as well."""
    codes = new_recovery_codes()
    with transaction.atomic():
        SecondFactor.objects.filter(user_id=user.pk).delete()
        hashes = hashed(codes)
        made = SecondFactor.objects.create(
            user_id=user.pk, secret=secret, last_step=step, recovery_hashes=hashes
        )
    return made, codes


def renew_recovery_codes(factor: SecondFactor) -> list[str]:
    codes = new_recovery_codes()
    SecondFactor.objects.filter(pk=factor.pk).update(recovery_hashes=hashed(codes))
    return codes


def uses(factor: SecondFactor, code: str, now: float | None = None) -> bool:
    """Whether the code is right. No code is right twice, in whatever process."""
    step = step_of(factor.secret or "", code, time.time() if now is None else now)
    if step is None:
        return False
    is_news = Q(last_step__lt=step) | Q(last_step__gt=step + STEPS_AHEAD)
    return SecondFactor.objects.filter(is_news, pk=factor.pk).update(last_step=step) == 1


def uses_recovery_code(factor: SecondFactor, code: str) -> bool:
    wanted = hashed([code])[0]
    with transaction.atomic():
        row = SecondFactor.objects.select_for_update().filter(pk=factor.pk).first()
        if row is None or wanted not in row.recovery_hashes:
            return False
        row.recovery_hashes.remove(wanted)
        row.save(update_fields=["recovery_hashes"])
    return True


def is_passed(factor_id: int | None, session: SessionBase) -> bool:
    """Whether a session of a user with this factor (None: with none) may see the admin."""
    return is_enough(factor_id, session.get(VERIFIED))


def is_enough(factor_id: int | None, verified: object) -> bool:
    return not settings.REQUIRE_TOTP if factor_id is None else verified == factor_id


def hashed(codes: Iterable[str]) -> list[str]:
    """As typed, with or without the dashes.

    They are random: nothing needs to slow down who has the hashes.
    """
    plain = ("".join(letter for letter in code.lower() if letter.isalnum()) for code in codes)
    return [
        hashlib.sha256(b"gemini-key-gateway.recovery-code:" + code.encode()).hexdigest()
        for code in plain
    ]


def _totp(secret: str) -> TOTP:
    key = base64.b32decode(secret)
    return TOTP(key, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 (what all apps know; RFC 6238)
