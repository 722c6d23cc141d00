"""One request of a client and its answer, as an ASGI application sees them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from proxyapp.server.plain_exchange import PlainExchange


class ClientExchange(PlainExchange):
    """With ASGI's `receive` and `send`, which wait for the client."""

    async def receive(self) -> dict[str, Any]:
        while not (self.is_lost or self.has_ended):
            if self._chunks or (self.is_received and not self._is_delivered):
                return self._next_message()
            if self._expects_continue:
                self._expects_continue = False
                self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        """ASGI's. The head of an answer goes out at the next turn of the loop at the latest."""
        if self.is_lost:
            return
        kind = message["type"]
        if kind == "http.response.body":
            data = message.get("body", b"")
            if message.get("more_body", False):
                self.write(data)
            else:
                self.finish(data)
        elif kind == "http.response.start":
            self.start(message["status"], message.get("headers", ()))
            asyncio.get_running_loop().call_soon(self.flush)
        else:
            raise ValueError(f"{kind} is not a message of an HTTP response")
        if self.is_stalled:
            await self.connection.until_writable()

    async def until_writable(self) -> None:
        await self.connection.until_writable()
