"""One Live session from the client's first message to its close."""

import asyncio
import time
from dataclasses import replace
from typing import Protocol

from proxyapp.access.limits import ClientLimits
from proxyapp.access.token_book import ANYONE, Client, TokenBook
from proxyapp.forwarding.judge import note_quota_of_session
from proxyapp.forwarding.plan import RequestPlan, plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.search import SearchParts, forward
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.live_api.attempt import LiveAttempt
from proxyapp.live_api.closing import Closing
from proxyapp.live_api.kept_messages import MOST_KEPT_BYTES, KeptMessages
from proxyapp.live_api.llm_token_count import SessionCount
from proxyapp.live_api.opening import EndedAtOnce, Opening
from proxyapp.live_api.relay import Relay, SendToClient
from proxyapp.provider.live_closes import (
    NO_CODE,
    NORMAL,
    POLICY,
    TOO_BIG,
    error_of_close,
    says_quota,
)
from proxyapp.provider.live_messages import Message, setup_of
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import GatewayError, NotAllowed
from proxyapp.vocabulary.kept_settings import kept


class LiveParts(SearchParts, Protocol):
    """What of the runtime a session takes. `book` is replaced over time."""

    book: TokenBook
    limits: ClientLimits


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
    ) -> None:
        self.client = client
        self._parts = parts
        self._path = path
        self._query = query
        self._headers = headers
        self._send = send
        self._kept = KeptMessages()
        self._relay: Relay | None = None
        self._ends_in: float | None = None

    async def run(self) -> Closing:
        """How the client is to be told of the end."""
        try:
            async with asyncio.timeout(kept.LIVE_SETUP_SECONDS):
                first = await self._kept.first()
        except TimeoutError:
            seconds = f"{kept.LIVE_SETUP_SECONDS:g}"
            return Closing(POLICY, f"No setup message came within {seconds} s.")
        try:
            return await self._serve(self._planned(first))
        except GatewayError as error:
            return Closing.of_error(error)

    def _planned(self, first: Message) -> RequestPlan:
        """As for a request whose body is the setup. Raises GatewayError."""
        data = first.encode(errors="replace") if isinstance(first, str) else first
        body = RequestBody(data, length=len(data))
        body.model = setup_of(data).model
        client = self.client
        if client.tokens_per_day is not None:  # counted as they come, and not estimated
            client = replace(client, tokens_per_day=None)
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
            self._count_end(planned, ended.closing)
            return ended.closing
        assert isinstance(attempt, LiveAttempt)  # noqa: S101
        try:
            if attempt.status < 400:
                return await self._relayed(planned, attempt)
            if attempt.closing is not None:
                return attempt.closing
            return Closing.of_refusal(attempt.status, await attempt.read_error())
        finally:
            await attempt.aclose()

    async def _relayed(self, planned: RequestPlan, attempt: LiveAttempt) -> Closing:
        parts, key = self._parts, attempt.key
        attempt.end(AttemptOutcome.SUCCEEDED)
        assert attempt.socket and attempt.receiving  # noqa: S101, PT018
        count = SessionCount(parts.counting, parts.limits, key, planned.model, self.client)
        relay = self._relay = Relay(attempt.socket, self._send, count.hear)
        if self._ends_in is not None:
            self.go_away(self._ends_in)
        closing = await relay.run(attempt.receiving)
        if says_quota(closing.code, closing.reason):
            body = error_of_close(429, closing.reason)
            note_quota_of_session(parts.recovery, parts.cooling, planned, attempt, body)
        return closing.without_key(key)

    def _count_end(self, planned: RequestPlan, closing: Closing) -> None:
        counting, now = self._parts.counting, time.time()
        status = 200 if closing.code in (NORMAL, NO_CODE) else 400
        counting.tally.count_answer(status, 0.0, now)
        if self.client is not ANYONE:
            counting.count_answer(self.client, planned.model, status, now)
        counting.touched()

    # What the client does.

    async def take(self, message: Message) -> Closing | None:
        """Returns when the next message may come. None: the session goes on."""
        if self._relay is not None:
            await self._relay.send_on(message)
            return None
        if len(message) > MOST_KEPT_BYTES and self._kept.is_empty:
            return Closing(TOO_BIG, f"The first message is longer than {MOST_KEPT_BYTES} bytes.")
        await self._kept.add(message)
        return None

    async def client_left(self, closing: Closing) -> None:
        if self._relay is not None:
            await self._relay.close_upstream(closing)

    # What its surroundings say.

    @property
    def has_begun(self) -> bool:
        """Whether the client has said anything."""
        return self._relay is not None or not self._kept.is_empty

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
