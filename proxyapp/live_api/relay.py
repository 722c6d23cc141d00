"""Passes the messages of a session both ways, each when the one before it was taken."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed

from proxyapp.live_api.closing import Closing
from proxyapp.provider.live_messages import Message
from proxyapp.upstream.websocket import WebSocket
from proxyapp.vocabulary.close_codes import GOING_AWAY, RESTART
from proxyapp.vocabulary.errors import LimitReached
from proxyapp.vocabulary.kept_settings import kept

Hear = Callable[[Message], Awaitable[Message]]
SendToClient = Callable[[dict[str, Any]], Awaitable[None]]
# As websockets' own; a proxy in front of the upstream keeps a silent connection for a minute.
PING_SECONDS = 20.0
# For the close itself, before the process ends.
LAST_SECONDS = 1.0
RESTARTED = "The gateway restarts; connect again."


class Relay:
    """`hear` is given each message of the upstream's, and tells what the client gets of it; a
    LimitReached that it raises ends the session.

    `send_on` is called by the client's task, one message at a time; `run` by another one.
    """

    def __init__(self, socket: WebSocket, send: SendToClient, hear: Hear) -> None:
        self._socket = socket
        self._send = send
        self._hear = hear
        self._own_closing: Closing | None = None
        self._is_binary = False
        self._sending_since = self._taking_since = 0.0
        self._pinged_at = self._heard_at = 0.0
        self._pong: Awaitable[float] | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def run(self, receiving: "asyncio.Task[Message]") -> Closing:
        """How it ended. `receiving`: the first message."""
        try:
            await self._pass(await receiving)
            while True:
                await self._pass(await self._socket.recv())
        except ConnectionClosed as closed:
            return self._own_closing or Closing.received(closed)
        except LimitReached as error:
            await self.close_upstream(Closing(GOING_AWAY))
            return Closing.of_error(error)
        finally:
            if self._leaving is not None:
                self._leaving.cancel()

    async def _pass(self, message: Message) -> None:
        self._heard_at = self._sending_since = time.monotonic()
        message = await self._hear(message)
        self._is_binary = isinstance(message, bytes)
        kind = "bytes" if self._is_binary else "text"
        await self._send({"type": "websocket.send", kind: message})
        self._sending_since = 0.0

    async def send_on(self, message: Message) -> None:
        """From the client. An upstream that has closed takes nothing: `run` hears of it."""
        self._taking_since = time.monotonic()
        with suppress(ConnectionClosed):
            await self._socket.send(message)
        self._taking_since = 0.0

    async def close_upstream(self, closing: Closing) -> None:
        code, reason = closing.for_upstream()
        await self._socket.close(code, reason)

    async def end_with(self, closing: Closing) -> None:
        """The gateway's own end of it, on both sides."""
        self._own_closing = self._own_closing or closing
        await self.close_upstream(Closing(GOING_AWAY))

    # What its surroundings say.

    def go_away(self, seconds: float, *, tells_client: bool) -> None:
        """The process ends in so many seconds. `tells_client`: in Google's own words."""
        if self._leaving is None:
            going = self._go_away(max(seconds - LAST_SECONDS, 0.0), tells_client=tells_client)
            self._leaving = asyncio.get_running_loop().create_task(going)

    async def _go_away(self, seconds: float, *, tells_client: bool) -> None:
        if tells_client:
            text = json.dumps({"goAway": {"timeLeft": f"{seconds:g}s"}})
            framed = {"bytes": text.encode()} if self._is_binary else {"text": text}
            with suppress(OSError):  # a client that is gone needs no word of it
                await self._send({"type": "websocket.send", **framed})
        await asyncio.sleep(seconds)
        await self.end_with(Closing(RESTART, RESTARTED))

    async def ping(self) -> bool:
        """False: the client has not taken a message for too long.

        An upstream that stalls so, or that is silent and answers no ping, is let go of.
        """
        now, longest = time.monotonic(), kept.STALL_TIMEOUT_SECONDS
        if self._sending_since:
            return bool(now - self._sending_since < longest)
        is_stalled = self._taking_since and now - self._taking_since >= longest
        is_waiting = isinstance(self._pong, asyncio.Future) and not self._pong.done()
        is_silent = is_waiting and now - max(self._heard_at, self._pinged_at) >= PING_SECONDS
        if is_stalled or is_silent:
            self._socket.transport.abort()
        elif not (is_waiting or self._taking_since or now - self._pinged_at < PING_SECONDS):
            self._pinged_at = now
            with suppress(ConnectionClosed):
                self._pong = await self._socket.ping()
        return True
