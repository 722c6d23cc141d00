"""Operator tokens: what lets scripts into the management API, and how much they may do there.

The only place that makes, finds and revokes them. Sessions are something else: none of them opens
the API, and no token opens a page.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from proxyapp.access.token_book import TokenRefusal, masked_token, new_token, token_hash
from proxyapp.access.token_store import secret_keys
from proxyapp.models import OperatorToken, audit
from proxyapp.models.audit import Actor

PREFIX = "go-"
SHAPE = re.compile(r"go-[A-Za-z0-9_-]{43}")
BEARER = "bearer "
# When it was last used is no more exact than this: each note is a write.
NOTED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token it is, and what both its role and its user may at this moment."""

    token: OperatorToken
    user: User
    rights: frozenset[str]

    @property
    def actor(self) -> Actor:
        return audit.operator_token(self.token.name, self.user.pk)

    def may(self, right: str) -> bool:
        """Such as `proxyapp.view_apikey`."""
        return right in self.rights


def create(
    name: str, user: User, role: Role, expires_at: datetime | None, actor: Actor, now: datetime
) -> tuple[OperatorToken, str]:
    """The row, and the token itself, which nobody can find out again.

    Raises ValidationError, by field.
    """
    text = new_token(PREFIX)
    token = OperatorToken(
        name=name.strip(),
        token_hash=token_hash(text, settings.SECRET_KEY),
        masked=masked_token(text),
        user=user,
        role=role,
        expires_at=expires_at,
    )
    if not token.name.isprintable():
        raise ValidationError({"name": [_("has characters that cannot be printed.")]})
    if expires_at is not None and expires_at <= now:
        raise ValidationError({"expires_at": [_("This time is over.")]})
    token.full_clean()
    with transaction.atomic():
        token.save()
        audit.record(actor, "add", [token], _described(token, role, user))
    return token, text


def revoke(token_ids: Iterable[int], actor: Actor, now: datetime) -> list[OperatorToken]:
    """For good. Those that were not revoked yet."""
    with transaction.atomic():
        locked = OperatorToken.objects.select_for_update().order_by("pk")
        tokens = list(locked.filter(pk__in=list(token_ids), revoked_at=None))
        OperatorToken.objects.filter(pk__in=[one.pk for one in tokens]).update(revoked_at=now)
        audit.record(actor, "revoke", tokens)
    return tokens


def find_caller(text: str, now: datetime) -> Caller | TokenRefusal:
    """Asks the database: who is revoked, disabled or has lost a role is out at once."""
    if not SHAPE.fullmatch(text):
        return TokenRefusal.FOREIGN if text else TokenRefusal.MISSING
    hashes = [token_hash(text, secret_key) for secret_key in secret_keys()]
    known = OperatorToken.objects.select_related("user", "role")
    token = known.filter(token_hash__in=hashes).first()
    if token is None:
        return TokenRefusal.UNKNOWN
    state = state_of(token, now)
    if state == "expired":
        return TokenRefusal.EXPIRED
    if state != "active" or token.user is None or token.role is None:
        return TokenRefusal.REVOKED
    _note_use(token, now)
    return Caller(token, token.user, _rights(token.role, token.user))


def state_of(token: OperatorToken, now: datetime) -> str:
    """`active`, `revoked`, `expired`, or `powerless`: its user may not use the admin any more, or
    its role is gone.
    """
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= now:
        return "expired"
    user = token.user
    is_let_in = user is not None and user.is_active and user.is_staff
    return "active" if is_let_in and token.role_id is not None else "powerless"


def bearer_of(authorization: str) -> str:
    """Empty: the header has no token."""
    is_bearer = authorization[: len(BEARER)].lower() == BEARER
    return authorization[len(BEARER) :].strip() if is_bearer else ""


def is_good(authorization: str) -> bool:
    """Whether a header's token lets somebody in, whatever it may do there."""
    return isinstance(find_caller(bearer_of(authorization), timezone.now()), Caller)


def _rights(role: Role, user: User) -> frozenset[str]:
    rows = role.permissions.values_list("content_type__app_label", "codename")
    of_role = frozenset(f"{app}.{codename}" for app, codename in rows)
    return of_role if user.is_superuser else of_role & user.get_all_permissions()


def _note_use(token: OperatorToken, now: datetime) -> None:
    lately = Q(last_used_at=None) | Q(last_used_at__lt=now - NOTED)
    if token.last_used_at is None or token.last_used_at < now - NOTED:
        OperatorToken.objects.filter(lately, pk=token.pk).update(last_used_at=now)


def _described(token: OperatorToken, role: Role, user: User) -> str:
    until = f"; expires at {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else ""
    return f"role {role.name}, for user {user.get_username()}{until}"
