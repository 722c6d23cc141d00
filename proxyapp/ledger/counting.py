"""What one process has counted and not yet written."""

import asyncio
import time
from collections import Counter, deque

from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import Client
from proxyapp.costs.price import KnownPrices
from proxyapp.costs.price_book import PriceBook
from proxyapp.costs.shipped import shipped_book
from proxyapp.ledger.client_usage import ClientTally
from proxyapp.ledger.model_names import ModelNames
from proxyapp.ledger.usage import UsageTally
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.requests.record import ClientOutcome, RequestRecord

# To note when a key was used takes PostgreSQL as long as all else about its usage: with so many
# keys and tokens in use it is done now and then only.
FEW_USED = 500
NOTED_SECONDS = 10.0


class Counting:
    """The tally of the moment, which a flush takes away as a whole. Belongs to one event loop.

    `is_dirty` is set while something waits for the next flush. `on_the_way`: what clients did that
    a flush has taken and not yet written.
    """

    def __init__(self, limits: ClientLimits, prices: PriceBook | None = None) -> None:
        self.tally = UsageTally()
        self.on_the_way: deque[ClientTally] = deque()
        self.names = ModelNames()
        self.prices = shipped_book() if prices is None else prices
        self.is_dirty = asyncio.Event()
        self._limits = limits
        self._noted_at = -NOTED_SECONDS

    def touched(self) -> None:
        """Something was counted: it is written within a second."""
        if not self.is_dirty.is_set():
            self.is_dirty.set()

    def take(self, *, everything: bool = False) -> UsageTally:
        """All that was counted since the last call; when what was used last, where that is due."""
        tally, self.tally = self.tally, UsageTally()
        now = time.monotonic()
        used = len(tally.last_used) + len(tally.clients.last_used)
        if everything or used <= FEW_USED or now - self._noted_at >= NOTED_SECONDS:
            self._noted_at = now
            return tally
        kept, clients = self.tally, self.tally.clients
        kept.last_used, tally.last_used = tally.last_used, kept.last_used
        clients.last_used, tally.clients.last_used = tally.clients.last_used, clients.last_used
        self.touched()
        return tally

    def unwritten_llm_tokens(self, now: float) -> Counter[int]:
        """Of the day, by client token."""
        sums = Counter[int]()
        for clients in (self.tally.clients, *self.on_the_way):
            sums.update(clients.llm_tokens_of_day(now))
        return sums

    def unwritten_cost(self, day: int) -> Counter[int]:
        """By client token, from that day on."""
        sums = Counter[int]()
        for clients in (self.tally.clients, *self.on_the_way):
            sums.update(clients.cost_since(day))
        return sums

    def count_answer(self, client: Client, model: str, status: int, now: float) -> None:
        """A request of the client's is answered."""
        name = self.names.of_client(client.id, "" if status >= 400 else model, now)
        self.tally.clients.count_answer(client.id, name, status, now)

    def count_outcome(self, record: RequestRecord) -> None:
        """A request has ended, whoever sent it. What a client did wrong is not kept by model: it
        could name endless ones.
        """
        now, model = record.arrived_at + record.seconds, ""
        if record.outcome is ClientOutcome.OK:
            model = self.names.of_client(record.client_id, record.model, now)
        elif record.outcome is not ClientOutcome.CLIENT_ERROR:
            model = self.names.of_failed(record.client_id, record.model, now)
        self.tally.count_outcome(record, model, now)
        self.touched()

    def count_refused(self, client: Client, now: float) -> None:
        """A limit of the client's kept its request from the keys."""
        self.tally.clients.count_refused(client.id, now)
        self.touched()

    def count_not_allowed(self, client: Client, asked: str, now: float) -> None:
        """A request was for what the client may not use. `asked`: for what."""
        name = self.names.of_refused(client.id, asked, now)
        self.tally.clients.count_not_allowed(client.id, name, now)
        self.touched()

    def cost_of(
        self, group: PoolGroup | None, model: str, used: LlmTokens, now: float
    ) -> int | None:
        """In millionths of the currency's unit; None: LLM tokens of a model without a price.
        `group`: whose key was used; None: the client's own.
        """
        if not (used.prompt or used.output) or (group is not None and group.free):
            return 0
        known: KnownPrices = self.prices.known
        price = known.of(model, now)
        return None if price is None else price.cost_micros(used)

    def count_llm_tokens(
        self,
        client: Client,
        model: str,
        llm_tokens: LlmTokens,
        now: float,
        cost: int | None = 0,
    ) -> None:
        prompt, output, cached, thoughts, tool_use = llm_tokens
        if prompt or output:
            name = self.names.of_client(client.id, model, now)
            self.tally.clients.count_llm_tokens(
                client.id,
                name,
                prompt,
                output,
                now,
                cached=cached,
                thoughts=thoughts,
                tool_use=tool_use,
                cost=cost,
            )
            self._limits.add_used(client.id, prompt + output, cost or 0, now)
