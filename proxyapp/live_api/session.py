"""One Live session from the client's first message to its close."""

import asyncio
import time
from typing import Protocol

from proxyapp.access.token_book import Client
from proxyapp.forwarding.answering import count_told, forward
from proxyapp.forwarding.bound_request import bind
from proxyapp.forwarding.following import follow
from proxyapp.forwarding.judge import note_quota_of_session
from proxyapp.forwarding.plain_naming import refuse_ambiguous
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.search import SearchParts
from proxyapp.live_api.attempt import LiveAttempt
from proxyapp.live_api.closing import Closing
from proxyapp.live_api.ephemeral import Ephemeral, credentials_of, group_of
from proxyapp.live_api.hearing import Hearing, HearingParts
from proxyapp.live_api.kept_messages import MOST_KEPT_BYTES, KeptMessages
from proxyapp.live_api.later_messages import LaterMessages
from proxyapp.live_api.opening import EndedAtOnce, Opening, connect, target_at
from proxyapp.live_api.own_words import OwnWords
from proxyapp.live_api.relay import Relay, SendToClient
from proxyapp.live_api.resumption import bind_to_session
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.live_closes import error_of_close
from proxyapp.provider.live_messages import READ_BYTES, Message, setup_of
from proxyapp.requests.record import ClientOutcome
from proxyapp.requests.under_way import RequestUnderWay
from proxyapp.upstream.websocket import UpgradeRefused, WebSocket
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.close_codes import POLICY, TOO_BIG
from proxyapp.vocabulary.errors import GatewayError, NotAllowed
from proxyapp.vocabulary.kept_settings import kept
from proxyapp.vocabulary.signal import Signal


class LiveParts(SearchParts, HearingParts, Protocol):
    """What of the runtime a session takes."""


class LiveSession:
    """`take` and `client_left` are called by the client's own task, one at a time; `run` by another
    one. `path`, `query` and `headers` are those of the handshake.
    """

    def __init__(
        self,
        parts: LiveParts,
        client: Client,
        path: bytes,
        query: bytes | None,
        headers: list[Header],
        send: SendToClient,
        ephemeral: Ephemeral | None,
        under_way: RequestUnderWay,
    ) -> None:
        self.client = client
        self._parts = parts
        self._path = path
        self._query = query
        self._headers = headers
        self._send = send
        self._kept = KeptMessages()
        self._ephemeral = ephemeral
        self._under_way = under_way
        self._later = LaterMessages(parts, client, path, self._planned)
        self._has_relay = Signal()
        self._relay: Relay | None = None
        self._key: PoolKey | None = None
        self._ends_in: float | None = None
        self._own_words = OwnWords()

    async def run(self) -> Closing:
        """How the client is to be told of the end."""
        try:
            async with asyncio.timeout(kept.LIVE_SETUP_SECONDS):
                await self._kept.first()
        except TimeoutError:
            seconds = f"{kept.LIVE_SETUP_SECONDS:g}"
            return Closing(POLICY, f"No setup message came within {seconds} s.")
        try:
            setup = setup_of(self._kept.messages[0])
            planned = self._planned(self._kept.messages[0], setup.model)
            follow(self._under_way, planned)
            parts = self._parts
            if self._is_of_ours:
                await refuse_ambiguous(parts.snapshot, planned)
                if planned.names:
                    await bind(parts, planned)
            if self._ephemeral is not None:
                return await self._serve_ephemeral(planned, self._ephemeral)
            if setup.handle:
                await bind_to_session(parts.snapshot, parts.resources, planned, setup.handle)
            return await self._serve(planned)
        except GatewayError as error:
            return self._refused(error)
        finally:
            self._kept.close()
            self._has_relay.set()

    def _refused(self, error: GatewayError) -> Closing:
        self._under_way.refused(error)
        return Closing.of_error(error)

    @property
    def _is_of_ours(self) -> bool:
        """Whether its project is one of the gateway's, and what it names perhaps another's."""
        return self._ephemeral is None or self._ephemeral.made is not None

    def _planned(self, first: Message, model: str) -> RequestPlan:
        """As for a request whose body is the setup. Raises GatewayError."""
        data = first.encode(errors="replace") if isinstance(first, str) else first
        body = RequestBody(data, length=len(data))
        body.model = model
        client = self.client
        if client.is_charged:  # by what comes, as it comes, and not by an estimate
            client = client.uncharged
        try:
            return plan(
                self._parts.snapshot,
                method="GET",
                path=self._path,
                query=self._query,
                headers=self._headers,
                body=body,
                client=client,
            )
        except NotAllowed as error:
            self._parts.counting.count_not_allowed(self.client, error.asked, time.time())
            raise

    async def _serve(self, planned: RequestPlan) -> Closing:
        try:
            attempt = await forward(self._parts, planned, Opening(self._kept).ask)
        except EndedAtOnce as ended:
            self._count_end(planned, ended.closing.status)
            return ended.closing
        assert isinstance(attempt, LiveAttempt)  # noqa: S101
        try:
            if attempt.status < 400:
                return await self._relayed(planned, attempt)
            self._under_way.answered(attempt.status)
            self._under_way.relayed()
            if attempt.closing is not None:
                return attempt.closing
            return Closing.of_refusal(attempt.status, await attempt.read_error())
        finally:
            await attempt.aclose()

    async def _relayed(self, planned: RequestPlan, attempt: LiveAttempt) -> Closing:
        parts, key = self._parts, attempt.key
        attempt.begin_session()
        assert attempt.socket is not None  # noqa: S101
        assert attempt.receiving is not None  # noqa: S101
        relay = self._relayed_from(attempt.socket, key, planned.model)
        # For hours: a setup may be long.
        planned.body = RequestBody()
        closing = await relay.run(attempt.receiving)
        if self._own_words.is_of_upstreams_quota(closing):
            body = error_of_close(429, closing.reason)
            self._under_way.closed(ClientOutcome.NO_KEY)
            note_quota_of_session(parts.recovery, parts.cooling, planned, attempt, body)
        return closing.without_key(key)

    def _relayed_from(self, socket: WebSocket, key: PoolKey | None, model: str) -> Relay:
        hearing = Hearing(self._parts, key, model, self.client, self._under_way)
        self._key = key
        relay = self._relay = Relay(socket, self._send, hearing.hear)
        self._has_relay.set()
        if self._ends_in is not None:
            self.go_away(self._ends_in)
        return relay

    async def _serve_ephemeral(self, planned: RequestPlan, ephemeral: Ephemeral) -> Closing:
        """With the client's own credential: no key, and no other one."""
        parts = self._parts
        group = group_of(parts.snapshot, planned, ephemeral.made)
        credentials = credentials_of(self._headers)
        target = target_at(group, planned)
        try:
            socket = await connect(parts.upstreams, group, planned, target, credentials)
        except UpgradeRefused as refusal:
            self._count_end(planned, refusal.status)
            return Closing.of_refusal(refusal.status, refusal.body)
        try:
            begun = await Opening(self._kept).begin(socket)
            if isinstance(begun, Closing):
                self._count_end(planned, begun.status)
                return begun
            self._count_end(planned, 200)
            return await self._relayed_from(socket, None, planned.model).run(begun)
        finally:
            socket.transport.abort()

    def _count_end(self, planned: RequestPlan, status: int) -> None:
        """What the client is told, where no search counts it."""
        count_told(self._parts.counting, planned, status)

    # What the client does.

    async def take(self, message: Message) -> Closing | None:
        """Returns when the next message may come. None: the session goes on."""
        if self.has_begun:
            try:
                await self._check_again(message)
            except GatewayError as error:
                return self._refused(error)
            if self._relay is None and (len(message) > READ_BYTES or self._kept.is_handed_over):
                if not self._kept.is_over:  # each word of what is kept may have to be read
                    await self._has_relay.wait()
                if self._relay is None:
                    return None
        if self._relay is not None:
            self._own_words.note_later(message)
            await self._relay.send_on(message)
            return None
        if len(message) > MOST_KEPT_BYTES:
            return Closing(TOO_BIG, f"The first message is longer than {MOST_KEPT_BYTES} bytes.")
        self._own_words.note_setup(message)
        await self._kept.add(message)
        return None

    async def _check_again(self, message: Message) -> None:
        """Raises GatewayError."""
        self._later.check_model(message)
        if self._is_of_ours:
            await self._later.check_names(message, self._key)

    async def client_left(self, closing: Closing) -> None:
        if self._relay is not None:
            self._under_way.closed(ClientOutcome.OK)
            await self._relay.close_upstream(closing)

    # What its surroundings say.

    @property
    def has_begun(self) -> bool:
        """Whether the client has said anything."""
        return self._kept.is_handed_over or not self._kept.is_empty

    def go_away(self, seconds: float) -> None:
        self._ends_in = seconds
        if self._relay is not None:
            # Those of interactions speak otherwise.
            self._relay.go_away(seconds, tells_client=b"/ws/" in self._path)

    async def end_with(self, closing: Closing) -> bool:
        """False: it has no upstream yet, and whoever runs it ends it."""
        if self._relay is not None:
            await self._relay.end_with(closing)
        return self._relay is not None

    async def ping(self) -> bool:
        """False: the client has stalled."""
        return self._relay is None or await self._relay.ping()
