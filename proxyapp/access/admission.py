"""Lets clients in: by their token, or without one where that is allowed.

Nothing of a body is read before.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings

from proxyapp.access.anonymous import check_anonymous
from proxyapp.access.cors import check_preflight
from proxyapp.access.token_book import ANYONE, Client, TokenRefusal
from proxyapp.vocabulary.errors import LimitReached, Unauthorized

if TYPE_CHECKING:
    from proxyapp.runtime import Runtime

MESSAGES = {
    TokenRefusal.MISSING: "This gateway asks for a client token: send it as the API key.",
    TokenRefusal.EXPIRED: "This client token has expired.",
    TokenRefusal.REVOKED: "This client token was revoked.",
}
BAD_TOKEN = "This is no client token of this gateway."  # noqa: S105


async def admit_client(runtime: "Runtime", scope: Mapping[str, Any]) -> Client:
    """Raises PreflightAsked, Unauthorized, NotAllowed or TooManyBadTokens."""
    book = runtime.book
    if book.is_empty:
        if not settings.ALLOW_ANONYMOUS:
            check_anonymous(scope, settings.ALLOWED_HOSTS)
        return ANYONE
    if scope["method"] == "OPTIONS" and not settings.ALLOW_ANONYMOUS:
        check_preflight(scope)
    query = scope["query_string"]
    query = query if isinstance(query, bytes) else query.encode()
    found = book.client_of(scope["headers"], query, time.time())
    if isinstance(found, Client):
        return found
    if settings.ALLOW_ANONYMOUS and found in (TokenRefusal.MISSING, TokenRefusal.FOREIGN):
        return ANYONE
    if found is not TokenRefusal.MISSING:
        await runtime.slowdown.failed(scope)
    raise Unauthorized(MESSAGES.get(found, BAD_TOKEN))


async def charge(runtime: "Runtime", client: Client) -> None:
    """Takes one request of the client's limits. Raises LimitReached, which counts as refused."""
    try:
        await runtime.limits.take(client)
    except LimitReached:
        runtime.tally.clients.count_refused(client.id, time.time())
        runtime.touched()
        raise
