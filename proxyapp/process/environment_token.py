"""A client token that the environment gives, so that a container's first start can serve others."""

import re

from django.conf import settings
from django.utils import timezone

from gateway.places import COMMAND
from proxyapp.access.foreign_tokens import ForeignToken, take_over
from proxyapp.access.token_book import mark_of, token_hash
from proxyapp.access.token_store import secret_keys
from proxyapp.models import ClientToken, audit

# The setting's, which says where a token of that name comes from.
NAME = "GATEWAY_CLIENT_TOKEN"
OWN_NAME = re.compile(rf"{NAME}(?: \d+)?", re.IGNORECASE)


def made() -> list[str]:
    """Makes it where there is none like it; what there is to say of it and of earlier ones."""
    text = settings.GATEWAY_CLIENT_TOKEN
    if not text:
        return []
    lines = [
        f"The client token of {NAME} was made: {_shown(token)}."
        for token in take_over([ForeignToken(text=text, name=NAME)], audit.START, "environment")
    ]
    hashes = [token_hash(text, secret) for secret in secret_keys()]
    there = ClientToken.objects.filter(token_hash__in=hashes)
    return lines + [line for token in there if (line := _ended(token))] + _earlier(hashes)


def _ended(token: ClientToken) -> str:
    is_over = token.expires_at is not None and token.expires_at <= timezone.now()
    if token.revoked_at is None and not is_over:
        return ""
    reason = "has expired" if token.revoked_at is None else "was revoked"
    return f"warning: the token of {NAME} {reason} and lets nobody in: give another one there."


def _earlier(hashes: list[str]) -> list[str]:
    marks = tuple(map(mark_of, secret_keys()))
    return [
        f"warning: an earlier token of {NAME} still lets in. Once no client uses it:"
        f" `{COMMAND} tokens revoke {token.pk}` ({_shown(token)})."
        for token in ClientToken.objects.filter(revoked_at=None, name__istartswith=NAME)
        if OWN_NAME.fullmatch(token.name)
        and token.token_hash not in hashes
        and token.token_hash.startswith(marks)
    ]


def _shown(token: ClientToken) -> str:
    return f"{token.name}, {token.masked}"
