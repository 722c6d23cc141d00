"""What one process has counted and not yet written."""

import asyncio

from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import Client
from proxyapp.ledger.model_names import ModelNames
from proxyapp.ledger.usage import UsageTally


class Counting:
    """The tally of the moment, which a flush takes away as a whole. Belongs to one event loop.

    `is_dirty` is set while something waits for the next flush.
    """

    def __init__(self, limits: ClientLimits) -> None:
        self.tally = UsageTally()
        self.names = ModelNames()
        self.is_dirty = asyncio.Event()
        self._limits = limits

    def touched(self) -> None:
        """Something was counted: it is written within a second."""
        self.is_dirty.set()

    def take(self) -> UsageTally:
        """All that was counted since the last call."""
        tally, self.tally = self.tally, UsageTally()
        return tally

    def count_answer(self, client: Client, model: str, status: int, now: float) -> None:
        """A request of the client's is answered."""
        name = self.names.of_client(client.id, "" if status >= 400 else model, now)
        self.tally.clients.count_answer(client.id, name, status, now)

    def count_refused(self, client: Client, now: float) -> None:
        """A limit of the client's kept its request from the keys."""
        self.tally.clients.count_refused(client.id, now)
        self.touched()

    def count_llm_tokens(
        self, client: Client, model: str, prompt: int, output: int, now: float
    ) -> None:
        if prompt or output:
            name = self.names.of_client(client.id, model, now)
            self.tally.clients.count_llm_tokens(client.id, name, prompt, output, now)
            self._limits.llm_tokens.add(client.id, prompt + output, now)
