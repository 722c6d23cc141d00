"""Asks for requests of every client token until all are refused, as a gateway process does.

`python -m tests.support.limit_process LIMIT TOKENS` prints the token of each one that passes.
"""

import asyncio
import random
import sys
import time
from functools import partial

import django

django.setup()

from proxyapp.access.limit_windows import give_back  # noqa: E402
from proxyapp.access.limits import ClientLimits  # noqa: E402
from proxyapp.access.token_book import Client  # noqa: E402
from proxyapp.database.threads import DatabaseThreads  # noqa: E402
from proxyapp.vocabulary.errors import LimitReached  # noqa: E402

# Others give back what they do not use in less time.
PATIENCE_SECONDS = 4.0


async def ask(limits: ClientLimits, client: Client) -> None:
    last = time.monotonic()
    while time.monotonic() - last < PATIENCE_SECONDS:
        try:
            await limits.take(client)
        except LimitReached:
            await asyncio.sleep(0.2)
        else:
            last = time.monotonic()
            print(client.id, flush=True)
            await asyncio.sleep(random.random() / 20)


async def look(limits: ClientLimits) -> None:
    while True:
        await asyncio.sleep(0.5)
        await limits.look()


async def main(limit: int, tokens: int) -> None:
    threads = DatabaseThreads()
    limits = ClientLimits(threads)
    looking = asyncio.create_task(look(limits))
    clients = [Client(id=pk, requests_per_day=limit) for pk in range(1, tokens + 1)]
    await asyncio.gather(*(ask(limits, client) for client in clients))
    looking.cancel()
    await threads.background(partial(give_back, limits.leftovers()))
    threads.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
