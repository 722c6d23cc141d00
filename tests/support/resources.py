"""Resources for tests, and a process that knows some."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from proxyapp.database.outage import Outage
from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.writer import Writing
from proxyapp.models import Resource
from proxyapp.resources.book import ResourceBook
from proxyapp.resources.known import KnownResource, ResourceChange
from proxyapp.resources.rows import write_resources

HOUR_SECONDS = 3600.0


def known(name: str = "files/a", key_id: int = 1, **fields: object) -> KnownResource:
    made = KnownResource(
        name, key_id, f"key-{key_id}", "", 1, 0, float(int(time.time() + HOUR_SECONDS))
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def add_resource(name: str = "files/a", key_id: int = 1, **fields: object) -> Resource:
    write_resources([ResourceChange(known(name, key_id, **fields), time.time())])
    return Resource.objects.get(name=name, key_id=key_id)


class BookProcess:
    """What one process has of resources: its book, its threads and its spool."""

    def __init__(self, folder: Path) -> None:
        self.threads = DatabaseThreads()
        self.writing = Writing(self.threads, folder, lambda version: None)
        self.book = ResourceBook(self.threads, self.writing.resources)

    def lose_the_database(self) -> None:
        self.threads.outage = Outage(datetime.now(UTC), "it does not answer")

    async def find_it_again(self) -> None:
        await self.writing.catch_up()

    async def aclose(self) -> None:
        await self.book.close()
        self.writing.close()
        await asyncio.to_thread(self.threads.close)
