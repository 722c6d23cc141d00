"""A way to a database that forgets its connections, as firewalls and balancers do.

with ForgetfulWay(database_url) as way:
    way.database_url
    way.forget()    # what is open carries nothing more, and nobody is told; new ones are carried
    way.forget_after(b"COMMIT")     # the next connection that sends this, once it has got through
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
        self._last_word = b""

    @property
    def database_url(self) -> str:
        user = self._database.netloc.rpartition("@")[0]
        return urlunsplit(self._database._replace(netloc=f"{user}@{self.host}"))

    def forget(self) -> None:
        self._carried = set()

    def forget_after(self, word: bytes) -> None:
        self._last_word = word

    @property
    def has_forgotten(self) -> bool:
        """What `forget_after` was told to."""
        return not self._last_word

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._database.hostname, self._database.port)
        name = object()
        self._carried.add(name)
        with closing(there[1]):
            asked = self._carry(name, reader, there[1], is_asking=True)
            await asyncio.gather(asked, self._carry(name, there[0], writer))

    async def _carry(
        self,
        name: object,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_asking: bool = False,
    ) -> None:
        while data := await reader.read(65536):
            if name not in self._carried:
                continue
            writer.write(data)
            if is_asking and self._last_word and self._last_word in data:
                self._last_word = b""
                self._carried.discard(name)
        if name in self._carried:
            writer.close()
