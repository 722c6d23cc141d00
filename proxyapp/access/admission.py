"""Lets clients in: by their token, or without one where that is allowed.

Nothing of a body is read before.
"""

import time
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from proxyapp.access.anonymous import check_anonymous
from proxyapp.access.bad_tokens import Slowdown
from proxyapp.access.cors import check_preflight
from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import ANYONE, Client, TokenBook, TokenRefusal
from proxyapp.vocabulary.errors import LimitReached, Unauthorized
from proxyapp.vocabulary.kept_settings import kept

MESSAGES = {
    TokenRefusal.MISSING: "This gateway asks for a client token: send it as the API key.",
    TokenRefusal.EXPIRED: "This client token has expired.",
    TokenRefusal.REVOKED: "This client token was revoked.",
}
BAD_TOKEN = "This is no client token of this gateway."  # noqa: S105


def found_client(scope: Mapping[str, Any], book: TokenBook) -> Client | TokenRefusal:
    """Raises PreflightAsked, or without any token Unauthorized or NotAllowed."""
    if book.is_empty:
        if not kept.ALLOW_ANONYMOUS:
            check_anonymous(scope, kept.ALLOWED_HOSTS, kept.ALLOWED_ORIGINS)
        if scope["method"] == "OPTIONS":
            check_preflight(scope, has_tokens=False)
        return ANYONE
    if scope["method"] == "OPTIONS" and not kept.ALLOW_ANONYMOUS:
        check_preflight(scope)
    query = scope["query_string"]
    query = query if isinstance(query, bytes) else query.encode()
    found = book.client_of(scope["headers"], query, time.time())
    if kept.ALLOW_ANONYMOUS and found in (TokenRefusal.MISSING, TokenRefusal.FOREIGN):
        return ANYONE
    return found


async def refuse(scope: Mapping[str, Any], found: TokenRefusal, slowdown: Slowdown) -> NoReturn:
    """Raises Unauthorized or TooManyBadTokens."""
    if found is not TokenRefusal.MISSING:
        await slowdown.failed(scope)
    raise Unauthorized(MESSAGES.get(found, BAD_TOKEN))


class RefusalCounter(Protocol):
    def count_refused(self, client: Client, now: float) -> None: ...


async def charge(client: Client, limits: ClientLimits, counter: RefusalCounter) -> None:
    """Takes one request of the client's limits. Raises LimitReached, which counts as refused."""
    if limits.charge_now(client):
        return
    try:
        await limits.take(client)
    except LimitReached:
        counter.count_refused(client, time.time())
        raise
