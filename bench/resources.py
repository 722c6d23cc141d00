"""What a million remembered resources cost: `python -m bench.resources [--postgresql] [ROWS]`.

The database is one of its own, as that of `bench.admin_pages`; it is filled as the gateway writes.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from bench.admin_pages import database
from bench.admin_requests import Cost, best_answer, operator_client, table, url_of

if TYPE_CHECKING:
    from proxyapp.resources.book import ResourceBook
    from proxyapp.resources.known import KnownResource

ROWS, BATCH, KEYS = 1_000_000, 5_000, 1_000
ASKED, KEPT, MADE = 5_000, 60_000, 500
IN_MEMORY = 100_000
A_SECOND = 6
AGE_SECONDS = 48 * 3600.0


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    rows = numbers[0] if numbers else ROWS
    with tempfile.TemporaryDirectory(prefix="bench-resources-") as home, database(home) as url:
        os.environ.update(VAR_DIR=home, ENV_FILE=os.devnull, DATABASE_URL=url, LOG_LEVEL="WARNING")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        fill(rows)
        for line in asyncio.run(measured(Path(home), rows)):
            print(line)
        print(table(pages()))


def fill(rows: int) -> None:
    from django.db import connection

    from proxyapp.resources.known import ResourceChange
    from proxyapp.resources.rows import write_resources

    now = time.time()
    for start in range(0, rows, BATCH):
        write_resources(
            ResourceChange(resource(number), now - (rows - number) / A_SECOND)
            for number in range(start, start + BATCH)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def resource(number: int) -> "KnownResource":
    from proxyapp.resources.known import KnownResource

    key = number % KEYS
    expires_at = time.time() + AGE_SECONDS
    name = f"files/{number:07d}-{number * 7919 % 104729:06d}"
    return KnownResource(name, key, f"key {key}", f"project-{key // 2}", 1, 0, expires_at)


async def measured(home: Path, rows: int) -> list[str]:
    from proxyapp.database.threads import DatabaseThreads
    from proxyapp.ledger.writer import Writing
    from proxyapp.resources.book import ResourceBook

    threads = DatabaseThreads()
    writing = Writing(threads, home / "spool", lambda version: None)
    book, source = ResourceBook(threads, writing.resources), random.Random(7)
    names = [resource(source.randrange(rows)).name for _ in range(KEPT)]
    await book.find(names[0])
    lines = [
        await _times(f"a look into {rows:,} rows", (book.refind(n) for n in names[:ASKED])),
        await _times("of an unknown name", (book.find(f"files/x-{n}") for n in range(ASKED))),
        await _times("what is made", (book.remember([resource(rows + n)]) for n in range(MADE))),
        f"from memory: {_from_memory(book.find_now, names[ASKED - 1]):.2f} µs",
        await _grown(book, names),
    ]
    await book.close()
    writing.close()
    threads.close()
    return lines


def pages() -> dict[str, Cost]:
    client, listed = operator_client(), "proxyapp_resource_changelist"
    queries = {
        "the list": "",
        "page 100": "p=100",
        "of a kind": "kind=files",
        "of a kind that there is not": "kind=voices",
        "of a group": "group=1",
        "searched by its name": f"q={resource(77).name}",
        "searched by how many IDs begin": "q=00",
        "searched in vain": "q=nothing",
        "sorted by key": "o=3",
    }
    return {name: best_answer(client, url_of(listed, query=q)) for name, q in queries.items()}


async def _times(what: str, works: Iterator[Awaitable[object]]) -> str:
    taken = []
    for work in works:
        began_at = time.perf_counter()
        await work
        taken.append((time.perf_counter() - began_at) * 1000)
    cuts = quantiles(taken, n=100)
    return f"{what}: p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms"


def _from_memory(find_now: Callable[[str], object], name: str) -> float:
    """Microseconds."""
    began_at = time.perf_counter()
    for _ in range(IN_MEMORY):
        find_now(name)
    return (time.perf_counter() - began_at) / IN_MEMORY * 1_000_000


async def _grown(book: "ResourceBook", names: list[str]) -> str:
    before = _resident_mb()
    for start in range(0, len(names), 100):
        await asyncio.gather(*(book.find(name) for name in names[start : start + 100]))
    return f"{len(names):,} names asked for: {_resident_mb() - before:+.1f} MB"


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
