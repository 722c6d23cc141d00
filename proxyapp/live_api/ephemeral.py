"""Ephemeral tokens: Google's own credentials for a session, which pass as they are.

They are made with a key, for programs that must not have one: pages, mostly. Who made one is let in
by it, where the gateway knows.
"""

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from proxyapp.access.token_book import ANYONE, Client, TokenBook
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.pool.snapshot import Snapshot
from proxyapp.resources.book import ResourceBook
from proxyapp.resources.known import KnownResource
from proxyapp.resources.names import name_of
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import NoKeyAvailable

_SCHEME = b"token "
_START = b"auth_tokens/"


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """`made`: what is known of how it was made."""

    made: KnownResource | None = None


def ephemeral_token(headers: list[Header], query: bytes) -> bytes:
    """Empty: the client shows none."""
    shown = [value[len(_SCHEME) :].strip() for _, value in credentials_of(headers)]
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if unquote_to_bytes(name) == b"access_token":
            shown.append(unquote_to_bytes(value))
    return next((token for token in shown if token.startswith(_START)), b"")


def credentials_of(headers: list[Header]) -> list[Header]:
    """As the client sent it; one in the query stays there."""
    return [
        (name, value)
        for name, value in headers
        if name == b"authorization" and value[: len(_SCHEME)].lower() == _SCHEME
    ]


async def ephemeral_of(book: ResourceBook, headers: list[Header], query: bytes) -> Ephemeral | None:
    """What the client shows. It may have been made elsewhere than through this gateway."""
    token = ephemeral_token(headers, query)
    if not token:
        return None
    name = name_of(token.decode("latin-1"))
    found = await book.find(name) if name is not None else ()
    return Ephemeral(found[0] if found else None)


def client_of(made: KnownResource | None, book: TokenBook, now: float) -> Client | None:
    """Whose client token it was made with; None: that lets nobody in."""
    if made is None or made.client_id == ANYONE.id:
        return None
    found = book.client_with(made.client_id, now)
    return found if isinstance(found, Client) else None


def group_of(snapshot: Snapshot, request: RequestPlan, made: KnownResource | None) -> PoolGroup:
    """Whose target knows it: that of its key, else the first of Google's. Raises NoKeyAvailable."""
    groups = snapshot.groups_of(request.ring)
    if made is not None:
        groups = [group for group in groups if group.id == made.group_id] or groups
    if not groups:
        raise NoKeyAvailable("The gateway has no group to which it could go.", retry_after=60)
    return next((group for group in groups if group.is_of_google), groups[0])
