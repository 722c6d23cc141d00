"""What a session's upstream says is counted and remembered as it passes: it may go on for hours."""

import time
from typing import Protocol

from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import ANYONE, Client
from proxyapp.ledger.counting import Counting
from proxyapp.live_api.resumption import remember_session
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.live_messages import Message, handle_in, usage_in
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.requests.under_way import RequestUnderWay
from proxyapp.resources.book import ResourceBook
from proxyapp.vocabulary.errors import LimitReached
from proxyapp.vocabulary.key_masker import ascii_mask, without_key


class HearingParts(Protocol):
    """What of the runtime it takes."""

    counting: Counting
    limits: ClientLimits
    resources: ResourceBook


class Hearing:
    """Of one session. The attempt itself is counted by whoever made it. `key` None: the client's
    own credential is used.
    """

    def __init__(
        self,
        parts: HearingParts,
        key: PoolKey | None,
        model: str,
        client: Client,
        under_way: RequestUnderWay,
    ) -> None:
        self._parts = parts
        self._key = key
        self._secret = b"" if key is None else key.secret.encode()
        self._model = model
        self._client = client
        self._under_way = under_way

    async def hear(self, message: Message) -> Message:
        """What the client gets of it: all but the key.

        Raises LimitReached when the client's LLM tokens of the day are used up.
        """
        if self._under_way.record is not None:
            self._under_way.record.bytes_out += len(message)
        used = usage_in(message)
        if used.prompt or used.output:
            self._count(used, time.time())
        key = self._key
        if key is None:
            return message
        if handle := handle_in(message):
            await remember_session(self._parts.resources, key, self._client, handle)
        if isinstance(message, str):
            return message.replace(key.secret, key.masked)
        is_in = self._secret in message
        return without_key(message, key.secret, ascii_mask(key.masked)) if is_in else message

    def _count(self, used: LlmTokens, now: float) -> None:
        client, counting, model = self._client, self._parts.counting, self._model
        cost = counting.cost_of(self._key.group if self._key else None, model, used, now)
        self._under_way.add_llm_tokens(used, cost)
        if client is not ANYONE:
            model = counting.names.of_client(client.id, model, now)
            counting.count_llm_tokens(client, self._model, used, now, cost)
        if self._key is not None:
            name = counting.names.of_key(self._key.id, model, now)
            counting.tally.add_llm_tokens(self._key.id, name, used, now, cost)
        counting.touched()
        if client.is_charged:
            self._check_limit(client, now)

    def _check_limit(self, client: Client, now: float) -> None:
        try:
            self._parts.limits.check_used(client, now)
        except LimitReached as error:
            self._under_way.refused(error)
            raise
