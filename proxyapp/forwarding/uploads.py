"""The parts of an upload that began through the gateway: each goes to the key that began it.

The upload id in their URL lets them in: clients send no credential with a part, or any.
"""

import time
from collections.abc import Mapping
from typing import Any

from proxyapp.access import admission
from proxyapp.access.token_book import ANYONE, Client, TokenBook, TokenRefusal
from proxyapp.access.token_store import secret_keys
from proxyapp.forwarding import answering
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.bond import Bond, whose
from proxyapp.forwarding.client_place import in_place
from proxyapp.forwarding.entry import admitted, let_page_read, raw_target, running_runtime
from proxyapp.forwarding.following import follow, note_client, show_keys
from proxyapp.forwarding.path_facts import PathFacts, facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.upload_urls import stay_here
from proxyapp.pool.bound_keys import key_of
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.requests.under_way import UNDER_WAY
from proxyapp.resources.upload_sessions import UploadSession, opened, unknown_upload
from proxyapp.runtime import running_now
from proxyapp.upstream import hops
from proxyapp.vocabulary.errors import NoKeyAvailable, NotAllowed, Unauthorized
from proxyapp.vocabulary.upload_ids import shows_upload_id, upload_id_in


class PartPlan(RequestPlan):
    """It is asked for what the upstream itself has named."""

    def __init__(
        self,
        session: UploadSession,
        ring: str,
        scope: Mapping[str, Any],
        body: RequestBody,
        client: Client,
        key_id: int,
    ) -> None:
        facts = facts_of(session.path.encode("latin-1"))
        super().__init__(ring, scope["method"], facts, None, scope["headers"], body, "", client)
        self.bond = Bond((), (key_id,), session.made)
        self.settled_auth = session.auth
        self._target = session.target.encode("latin-1")

    def sent_to(self, group: PoolGroup, auth: str) -> tuple[PathFacts, bytes]:
        return self.facts, b""

    def target(self, prefix: bytes, path: bytes | None = None) -> bytes:
        return self._target


def is_part(method: str, query: bytes) -> bool:
    """A browser's question before one goes the way of all questions."""
    return shows_upload_id(query) and method != "OPTIONS"


async def forward_part(scope: Mapping[str, Any], body: RequestBody) -> Attempt:
    """The answer to relay. Raises GatewayError."""
    hops.refuse_loop(scope["headers"])
    path, query = raw_target(scope)
    upload_id = upload_id_in(query or b"")
    session = opened(upload_id, secret_keys(), time.time())
    runtime = running_now() or await running_runtime()
    client = await _client_of(session, scope, runtime.book)
    note_client(scope, client)
    key = _key_of(session, runtime.snapshot, client)
    part = PartPlan(session, key.group.ring, scope, body, client, key.id)
    follow(scope.get(UNDER_WAY), part)
    attempt = await in_place(runtime, client, answering.forward(runtime, part))
    stay_here(scope, path, attempt, session, upload_id)
    show_keys(scope, attempt.headers)
    let_page_read(scope, client, runtime.book, attempt)
    return attempt


async def _client_of(session: UploadSession, scope: Mapping[str, Any], book: TokenBook) -> Client:
    """Whose upload it is. Raises UnknownUpload when another client's token is shown, and
    Unauthorized for one whose token is not good any more.
    """
    if not session.made.client_id:
        return await admitted(scope)
    shown = book.client_of(scope["headers"], raw_target(scope)[1] or b"", time.time())
    owner = book.client_with(session.made.client_id, time.time())
    if isinstance(owner, TokenRefusal):
        raise Unauthorized(admission.MESSAGES.get(owner, GONE))
    is_others = shown not in (TokenRefusal.MISSING, TokenRefusal.FOREIGN)
    if is_others and not (isinstance(shown, Client) and shown.id == owner.id):
        raise unknown_upload()
    return owner


GONE = "The client token with which this upload began is gone."


def _key_of(session: UploadSession, snapshot: Snapshot, client: Client) -> PoolKey:
    """Raises NoKeyAvailable or NotAllowed."""
    key = key_of(snapshot, session.made.key_id, session.made.key_hash)
    if key is None:
        why = f"{whose(session.made)} is not in the gateway any more: begin it anew."
        raise NoKeyAvailable(why, is_worth_trying=False)
    if client is not ANYONE and client.groups is not None and key.group.id not in client.groups:
        raise NotAllowed("This client token may not use the key of this upload any more.")
    return key
