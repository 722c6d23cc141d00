"""What the limits of client tokens cost a request, in CPU time of the process.

`python -m bench.limits` prints a table. The gateway's own limits run on a database of their own
(DATABASE_URL, or a new file of SQLite), at a steady pace and with the looks that the gateway takes;
a loop that charges nobody runs for as long and is taken off. On PostgreSQL the server's own time is
not in it. The gateway is imported only when Django is set up.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

TOKENS = 5_000
PER_SECOND = 2_000
AT_ONCE = 32
LOOK_SECONDS = 0.5
Charge = Callable[[Any], Awaitable[None]]
SCENES: tuple[tuple[str, dict[str, int], int], ...] = (
    ("one token, 600,000 a minute", {"requests_per_minute": 600_000}, 1),
    ("5,000 tokens in turn, 600 a minute", {"requests_per_minute": 600}, TOKENS),
    (
        "5,000 tokens in turn, 60 a minute and 10,000 a day",
        {"requests_per_minute": 60, "requests_per_day": 10_000},
        TOKENS,
    ),
    ("5,000 tokens in turn, 10 million LLM tokens a day", {"tokens_per_day": 10_000_000}, TOKENS),
)


def main(seconds: float) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    make_tokens()
    asyncio.run(measure(seconds))


def make_tokens() -> None:
    from proxyapp.models import ClientToken

    ClientToken.objects.bulk_create(
        (ClientToken(pk=pk, name=f"t{pk}", token_hash=f"{pk:064}") for pk in range(1, TOKENS + 1)),
        ignore_conflicts=True,
    )


async def measure(seconds: float) -> None:
    for text, terms, count in SCENES:
        for at_once in (1, AT_ONCE):
            cost = await cost_of(terms, count, at_once, seconds)
            print(f"{text}, {at_once} at once: {cost:.1f} µs", flush=True)


async def cost_of(terms: dict[str, int], count: int, at_once: int, seconds: float) -> float:
    """µs a request."""
    from proxyapp.access.limits import ClientLimits
    from proxyapp.access.token_book import Client, TokenBook
    from proxyapp.database.threads import DatabaseThreads
    from proxyapp.models import TokenWindow

    clients = [Client(id=pk, **terms) for pk in range(1, count + 1)]  # type: ignore[arg-type]
    threads = DatabaseThreads()
    await threads.background(TokenWindow.objects.all().delete)
    limits = ClientLimits(threads)
    limits.install(TokenBook([(f"{pk:064}", client) for pk, client in enumerate(clients)], []))

    async def charge(client: Any) -> None:
        if not limits.charge_now(client):
            await limits.take(client)

    looking = asyncio.create_task(look(limits))
    for start in range(0, count, AT_ONCE):  # each once: warm
        await asyncio.gather(*map(charge, clients[start : start + AT_ONCE]))
    used = await paced(charge, cycle(clients), at_once, seconds)
    looking.cancel()
    idle = await paced(nothing, cycle(clients), at_once, seconds)
    threads.close()
    return (used - idle) / (PER_SECOND * seconds) * 1e6


async def look(limits: Any) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await limits.look()
        await limits.reread({})


async def nothing(client: Any) -> None:
    pass


async def paced(charge: Charge, clients: Iterator[Any], at_once: int, seconds: float) -> float:
    """CPU seconds."""
    began, due = time.process_time(), time.perf_counter()
    for _ in range(int(seconds * PER_SECOND / at_once)):
        await asyncio.gather(*(charge(next(clients)) for _ in range(at_once)))
        due += at_once / PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    return time.process_time() - began


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        os.environ.setdefault("VAR_DIR", folder)
        os.environ.setdefault("SECRET_KEY", "for-a-database-that-is-gone-after-this-0123456789")
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{Path(folder) / 'db.sqlite3'}")
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
