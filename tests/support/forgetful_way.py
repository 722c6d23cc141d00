"""A way to a database that forgets its connections, as firewalls and balancers do.

with ForgetfulWay(database_url) as way:
    way.database_url
    way.forget()    # what is open carries nothing more, and nobody is told; new ones are carried
"""

import asyncio
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

from tests.support.proxies import ProxyServer


class ForgetfulWay(ProxyServer):
    def __init__(self, database_url: str) -> None:
        super().__init__()
        self._database = urlsplit(database_url)
        self._carried: set[object] = set()

    @property
    def database_url(self) -> str:
        user = self._database.netloc.rpartition("@")[0]
        return urlunsplit(self._database._replace(netloc=f"{user}@{self.host}"))

    def forget(self) -> None:
        self._carried = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._database.hostname, self._database.port)
        name = object()
        self._carried.add(name)
        with closing(there[1]):
            both = self._carry(name, reader, there[1]), self._carry(name, there[0], writer)
            await asyncio.gather(*both)

    async def _carry(
        self, name: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            if name in self._carried:
                writer.write(data)
        if name in self._carried:
            writer.close()
