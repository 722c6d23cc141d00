"""The client's side of a Live session: a channels consumer."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer

from proxyapp.access import admission
from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.client_place import place_of, session_place_of
from proxyapp.forwarding.entry import admitted, raw_target, running_runtime
from proxyapp.forwarding.fast_path import send_whole
from proxyapp.forwarding.following import begin, end, note_client
from proxyapp.forwarding.views import error_response
from proxyapp.live_api.attempt import SWITCHED
from proxyapp.live_api.closing import Closing
from proxyapp.live_api.ephemeral import client_of, ephemeral_of
from proxyapp.live_api.relay import RESTARTED
from proxyapp.live_api.session import LiveSession
from proxyapp.live_api.sessions import LiveSessions
from proxyapp.live_api.subprotocols import check_offered
from proxyapp.quota.client_places import RequestPlace
from proxyapp.requests.under_way import RequestUnderWay
from proxyapp.runtime import Runtime
from proxyapp.upstream.hops import refuse_loop
from proxyapp.vocabulary.asgi import (
    INSTEAD_OF_HANDSHAKE,
    LONG_WEBSOCKET,
    LongWebSocket,
    Receive,
    Scope,
    Send,
)
from proxyapp.vocabulary.close_codes import INTERNAL, LOST, NO_CODE, RESTART
from proxyapp.vocabulary.errors import GatewayError, NoKeyAvailable
from proxyapp.vocabulary.kept_settings import kept

logger = logging.getLogger(__name__)
FAILED = "The gateway failed."
RETRY_SECONDS = 1


class LiveApiConsumer(AsyncConsumer):  # type: ignore[misc]
    def __init__(self, sessions: LiveSessions) -> None:
        super().__init__()
        self._sessions = sessions
        self._session: LiveSession | None = None
        self._under_way: RequestUnderWay
        self._arrived = 0
        self._places: list[RequestPlace] = []
        self._running: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """However it ends, the session ends with it."""
        under_way = self._under_way = begin(scope)
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave()
            end(under_way, scope, raw_target(scope)[0], self._arrived)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels' own looks at the database's connections with each message, on a thread."""
        await getattr(self, get_handler_name(message))(message)

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        try:
            self._session = await self._admitted()
        except GatewayError as error:
            await self._refuse(error)
            raise StopConsumer from None
        if (server := self._server) is not None:
            server.lengthen(kept.LIVE_MESSAGE_BYTES, self._go_away)
        await self._accept()
        self._sessions.begin(self)
        self._running = asyncio.get_running_loop().create_task(self._run(self._session))

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self._session is not None:
            text = message.get("text")
            said = message["bytes"] if text is None else text
            self._arrived += len(said)
            closing = await self._session.take(said)
            if closing is not None:
                await self._end(closing)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        if self._session is not None:
            code, reason = message.get("code") or NO_CODE, message.get("reason") or ""
            await self._session.client_left(Closing(code, reason))
        raise StopConsumer

    @property
    def _server(self) -> LongWebSocket | None:
        """None: another server than the gateway's own."""
        server: LongWebSocket | None = self.scope.get("extensions", {}).get(LONG_WEBSOCKET)
        return server

    async def _admitted(self) -> LiveSession:
        """Raises GatewayError."""
        scope = self.scope
        if self._server is not None and self._server.is_draining:
            raise NoKeyAvailable(RESTARTED, retry_after=RETRY_SECONDS)
        runtime = await running_runtime()
        path, query = raw_target(scope)
        headers = scope["headers"]
        check_offered(headers)
        ephemeral = await ephemeral_of(runtime.resources, headers, query or b"")
        client = None
        if ephemeral is not None:
            refuse_loop(headers)
            client = client_of(ephemeral.made, runtime.book, time.time())
        client = client or await admitted({**scope, "method": "GET"})
        note_client(scope, client)
        self._sessions.enter()
        try:
            await self._take_places(runtime, client)
        except BaseException:
            self._sessions.leave()
            self._end_places()
            raise
        return LiveSession(
            runtime, client, path, query, headers, self.send, ephemeral, self._under_way
        )

    async def _take_places(self, runtime: Runtime, client: Client) -> None:
        """Raises LimitReached."""
        if session := await session_place_of(runtime, client):
            self._places.append(session)
        if client.is_metered:
            await admission.charge(client, runtime.limits, runtime.counting)
        if request := await place_of(runtime, client):
            self._places.append(request)

    def _end_places(self) -> None:
        for place in self._places:
            place.end()

    async def _refuse(self, error: GatewayError) -> None:
        """With a status where the server can send one, else with a close."""
        scope, under_way = self.scope, self._under_way
        under_way.refused(error)
        if INSTEAD_OF_HANDSHAKE not in scope.get("extensions", {}):
            await self._accept()
            await self._close(Closing.of_error(error))
            return
        response = error_response(error, raw_target(scope)[0], scope["headers"], under_way.id)
        under_way.answered(response.status_code)
        await send_whole(self.send, response, INSTEAD_OF_HANDSHAKE)

    async def _accept(self) -> None:
        headers = [self._under_way.id_header()]
        await self.send({"type": "websocket.accept", "headers": headers})
        self._under_way.answered(SWITCHED)

    async def _run(self, session: LiveSession) -> None:
        try:
            closing = await session.run()
        except OSError:  # the server's word for a client that is gone
            closing = Closing(LOST)
        except Exception:
            logger.exception("A Live session failed, request %s", self._under_way.id)
            self._under_way.broke()
            closing = Closing(INTERNAL, FAILED)
        await self._close(closing)

    def _go_away(self, seconds: float) -> None:
        """The process ends in so many seconds. Who has not begun is not waited for."""
        session = self._session
        if session is not None and session.has_begun:
            session.go_away(seconds)
        elif session is not None and self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(
                self._end(Closing(RESTART, RESTARTED))
            )

    async def _end(self, closing: Closing) -> None:
        if self._running is not None:
            self._running.cancel()
        await self._close(closing)

    async def _close(self, closing: Closing) -> None:
        self._under_way.closed(closing.outcome)
        code, reason = closing.for_client()
        with suppress(OSError):
            await self.send({"type": "websocket.close", "code": code, "reason": reason})

    async def _leave(self) -> None:
        session, running = self._session, self._running
        if session is None:
            return
        self._sessions.end(self)
        self._sessions.leave()
        self._end_places()
        if running is not None:
            running.cancel()
            await asyncio.wait({running})

    # What LiveSessions asks.

    @property
    def client(self) -> Client:
        return ANYONE if self._session is None else self._session.client

    async def look(self) -> None:
        session, server = self._session, self._server
        if session is not None and not await session.ping() and server is not None:
            server.abort()

    async def end(self, closing: Closing) -> None:
        """The closes of the others do not wait for this one's, which may take its time."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end_both(closing))

    async def _end_both(self, closing: Closing) -> None:
        if self._session is not None and not await self._session.end_with(closing):
            await self._end(closing)
