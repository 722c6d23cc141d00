"""What clients used of their limits: what is written of it, and what this process has yet to."""

import time

from proxyapp.access.limits import ClientLimits
from proxyapp.access.periods import day_at, first_day_of_month
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.outbox import Outbox


async def reread_limits(limits: ClientLimits, counting: Counting, usage: Outbox) -> None:
    """While none of it is being written, which would count twice. Raises django.db.Error."""
    async with usage.lock:
        now = time.time()
        await limits.reread(
            counting.unwritten_llm_tokens(now),
            counting.unwritten_cost(day_at(now)),
            counting.unwritten_cost(first_day_of_month(now)),
        )
