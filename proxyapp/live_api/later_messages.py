"""What a client says after its setup is held to what the setup is: models, files and the like.

However long a message is, nobody else waits for its reading.
"""

from collections.abc import Callable
from dataclasses import replace

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.bond import Bond, unknown
from proxyapp.forwarding.bound_request import BindingParts, bind
from proxyapp.forwarding.long_bodies import is_long, soon
from proxyapp.forwarding.plain_naming import refuse_ambiguous
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.live_messages import READ_BYTES, Message, may_name_model, setup_of
from proxyapp.resources.references import finding_references
from proxyapp.resources.tenants import sees_all_of
from proxyapp.vocabulary.client_paths import group_and_path
from proxyapp.vocabulary.errors import BadRequest

# As long as a first message. What is parsed at once of that takes some milliseconds.
PARSED_BYTES = 1 << 20


class LaterMessages:
    """Of one session. `plan_setup`: of a message that sets up, and its model."""

    def __init__(
        self,
        parts: BindingParts,
        client: Client,
        path: bytes,
        plan_setup: Callable[[Message, str], object],
    ) -> None:
        self._parts = parts
        self._path = path
        self._plan_setup = plan_setup
        self._is_of_models = client.models is not None
        self._client = client
        if client is not ANYONE:
            self._client = replace(client.uncharged, models=None)

    def check_model(self, message: Message) -> None:
        """Of a client that sets up a second time. Raises NotAllowed or BadRequest."""
        if not self._is_of_models or (len(message) > READ_BYTES and not may_name_model(message)):
            return
        if len(message) > PARSED_BYTES:
            raise BadRequest(
                f"A message of more than {PARSED_BYTES} bytes that names a model is not read for"
                " this client token."
            )
        if model := setup_of(message).model:
            self._plan_setup(message, model)

    async def check_names(self, message: Message, key: PoolKey | None) -> None:
        """`key`: the session's, once it has one. Raises GatewayError.

        Who sees all is asked nothing: the upstream judges what it names.
        """
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
