"""A session that goes on from another one goes to the key of that one."""

import hashlib
import time

from proxyapp.access.token_book import Client
from proxyapp.forwarding.bond import bond_of
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.resources.book import ResourceBook
from proxyapp.resources.known import KnownResource

# Google's are good for two hours after a session, Vertex AI's for a day.
HANDLE_SECONDS = 86_400.0
_DIGITS = 16


def session_name(handle: str) -> str:
    """The handle itself is a secret of the client's."""
    return f"sessions/{hashlib.sha256(handle.encode(errors='replace')).hexdigest()[:_DIGITS]}"


async def bind_to_session(
    snapshot: Snapshot, book: ResourceBook, request: RequestPlan, handle: str
) -> None:
    """One that nobody knows is for the upstream to judge.

    Raises UnknownResource for another client's, or NoKeyAvailable.
    """
    name = session_name(handle)
    found = await book.find(name)
    if found:
        request.bond = bond_of(snapshot, request.ring, request.client, {name: found})


async def remember_session(book: ResourceBook, key: PoolKey, client: Client, handle: str) -> None:
    """Returns when every process may be asked for it."""
    until = time.time() + HANDLE_SECONDS
    made = KnownResource.made_with(key, session_name(handle), client.id, until)
    await book.remember([made])
