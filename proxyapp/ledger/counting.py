"""What one process has counted and not yet written."""

import asyncio

from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import Client
from proxyapp.ledger.usage import UsageTally


class Counting:
    """The tally of the moment, which a flush takes away as a whole. Belongs to one event loop.

    `is_dirty` is set while something waits for the next flush.
    """

    def __init__(self, limits: ClientLimits) -> None:
        self.tally = UsageTally()
        self.is_dirty = asyncio.Event()
        self._limits = limits

    def touched(self) -> None:
        """Something was counted: it is written within a second."""
        self.is_dirty.set()

    def take(self) -> UsageTally:
        """All that was counted since the last call."""
        tally, self.tally = self.tally, UsageTally()
        return tally

    def count_refused(self, client: Client, now: float) -> None:
        """A limit of the client's kept its request from the keys."""
        self.tally.clients.count_refused(client.id, now)
        self.touched()

    def count_llm_tokens(
        self, client: Client, model: str, prompt: int, output: int, now: float
    ) -> None:
        if prompt or output:
            self.tally.clients.count_llm_tokens(client.id, model, prompt, output, now)
            self._limits.llm_tokens.add(client.id, prompt + output, now)
