"""What operators see of operator tokens, and which of them they mean."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q

from proxyapp.access.operator_tokens import state_of
from proxyapp.models import OperatorToken
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.times import iso_utc

TIMES = ("expires_at", "revoked_at", "last_used_at", "created_at")
# A longer selector may be a token: it is shown masked.
SHORT = 20


class UnclearOperatorToken(Exception):
    """A selector fits no token, or several."""


def operator_token_json(token: OperatorToken, now: datetime) -> dict[str, Any]:
    moments = {name: getattr(token, name) for name in TIMES}
    return {
        "id": token.pk,
        "name": token.name,
        "masked": token.masked,
        "state": state_of(token, now),
        "role": token.role.name if token.role else None,
        "user": token.user.get_username() if token.user else None,
        **{name: iso_utc(moment) if moment else None for name, moment in moments.items()},
    }


def choose_operator_tokens(selectors: Iterable[str]) -> list[int]:
    """Ids, by id, name or masked form. Raises UnclearOperatorToken."""
    return list(dict.fromkeys(_chosen(selector.strip()) for selector in selectors))


def _chosen(selector: str) -> int:
    named = Q(name__iexact=selector) | Q(masked=selector)
    if selector.isascii() and selector.isdecimal() and len(selector) < 19:
        named |= Q(pk=int(selector))
    found = list(OperatorToken.objects.filter(named).values_list("pk", flat=True))
    if len(found) == 1:
        return found[0]
    shown = selector if len(selector) < SHORT else masked_key(selector)
    if found:
        ids = ", ".join(map(str, sorted(found)))
        raise UnclearOperatorToken(f"'{shown}' fits {len(found)} tokens: say which ({ids}).")
    raise UnclearOperatorToken(f"No operator token fits '{shown}'.")
