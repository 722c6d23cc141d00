"""What a client names after its setup: its own or everybody's, and of the session's project."""

from dataclasses import replace

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.bond import Bond, unknown
from proxyapp.forwarding.bound_request import BindingParts, bind
from proxyapp.forwarding.long_bodies import is_long, soon
from proxyapp.forwarding.plain_naming import refuse_ambiguous
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.live_messages import Message
from proxyapp.resources.references import finding_references
from proxyapp.resources.tenants import sees_all_of
from proxyapp.vocabulary.client_paths import group_and_path
from proxyapp.vocabulary.errors import BadRequest


class LaterNames:
    """Of one session. Who sees all is asked nothing: the upstream judges what it names."""

    def __init__(self, parts: BindingParts, client: Client, path: bytes) -> None:
        self._parts = parts
        self._path = path
        self._client = client
        if client is not ANYONE:  # which models it may use, and how much, is looked at elsewhere
            self._client = replace(client, models=None, tokens_per_day=None)

    async def check(self, message: Message, key: PoolKey | None) -> None:
        """As if it were the setup. `key`: the session's, once it has one. Raises GatewayError."""
        client, snapshot = self._client, self._parts.snapshot
        if client is ANYONE or client.shared_resources:
            return
        data = message.encode(errors="replace") if isinstance(message, str) else message
        body = RequestBody(data, length=len(data))
        body.model = ""
        if is_long(body):
            body.references = await soon(finding_references(data, group_and_path(self._path)[1]))
        request = plan(
            snapshot,
            method="GET",
            path=self._path,
            query=None,
            headers=[],
            body=body,
            client=client,
        )
        if sees_all_of(client, snapshot.groups_of(request.whole_ring)):
            return
        await refuse_ambiguous(snapshot, request)
        if request.names:
            await bind(self._parts, request)
        if request.bond is not None and key is not None:
            _check_key(request.bond, key)


def _check_key(bond: Bond, key: PoolKey) -> None:
    """Raises UnknownResource or BadRequest."""
    if bond.is_sought and key.group.id in bond.barred_groups:
        raise unknown(bond.names[0])
    if not bond.is_sought and key.id not in (bond.key_ids or ()):
        raise BadRequest(f"{bond.whose} this session does not use: name it in the setup.")
