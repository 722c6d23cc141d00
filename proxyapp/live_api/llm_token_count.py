"""Counts what a session uses while it goes on: it may last for hours."""

import time

from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import ANYONE, Client
from proxyapp.ledger.counting import Counting
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.live_messages import Message, usage_in
from proxyapp.vocabulary.key_masker import ascii_mask, without_key


class SessionCount:
    """Of one session with one key. The attempt itself is counted by whoever made it."""

    def __init__(
        self, counting: Counting, limits: ClientLimits, key: PoolKey, model: str, client: Client
    ) -> None:
        self._counting = counting
        self._limits = limits
        self._key = key
        self._secret = key.secret.encode()
        self._model = model
        self._client = client

    def hear(self, message: Message) -> Message:
        """What the client gets of a message of the upstream's: all but the key.

        Raises LimitReached when the client's LLM tokens of the day are used up.
        """
        used = usage_in(message)
        if used.prompt or used.output:
            now, client, counting = time.time(), self._client, self._counting
            name = self._model
            if client is not ANYONE:
                name = counting.names.of_client(client.id, name, now)
                counting.count_llm_tokens(client, self._model, used, now)
            name = counting.names.of_key(self._key.id, name, now)
            counting.tally.add_llm_tokens(self._key.id, name, used, now)
            counting.touched()
            if client.tokens_per_day is not None:
                self._limits.check_llm_tokens(client, now)
        return self._without_key(message)

    def _without_key(self, message: Message) -> Message:
        key = self._key
        if isinstance(message, bytes):
            is_in = self._secret in message
            return without_key(message, key.secret, ascii_mask(key.masked)) if is_in else message
        return message.replace(key.secret, key.masked)
