"""Opens a session with one key after the other, until one of them answers the client's setup."""

import asyncio
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.attempt_count import AttemptCount
from proxyapp.forwarding.exits_of_request import raise_if_of_exit
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.send import SendingParts
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.live_api.attempt import LiveAttempt
from proxyapp.live_api.closing import Closing
from proxyapp.live_api.kept_messages import KeptMessages
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.pool.wish import Turn
from proxyapp.provider.credentials import with_key
from proxyapp.provider.live_closes import status_of_close
from proxyapp.provider.live_messages import Message
from proxyapp.upstream import hops
from proxyapp.upstream.headers import to_upstream
from proxyapp.upstream.token_minting import NoToken
from proxyapp.upstream.upstreams import Upstreams
from proxyapp.upstream.websocket import UpgradeRefused, WebSocket, open_websocket
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.auth_places import IN_QUERY
from proxyapp.vocabulary.choices import Auth
from proxyapp.vocabulary.errors import GatewayError, LoopFound
from proxyapp.vocabulary.kept_settings import kept

# A setup is answered at once. After so long in silence the session is the upstream's own, and no
# other key is tried.
SILENT_SECONDS = 10.0


class EndedAtOnce(Exception):
    """The upstream has closed, before its first word, for a reason that is the client's to read."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(f"code {closing.code}")
        self.closing = closing


class Opening:
    """Of one session. `ask` is what a Search asks with."""

    def __init__(self, messages: KeptMessages) -> None:
        self._messages = messages

    async def ask(self, parts: SendingParts, request: RequestPlan, turn: Turn) -> Attempt:
        """Raises EndedAtOnce, or GatewayError when there is no connection."""
        if request.route is not None:  # perhaps for another model than the client has named
            self._messages.say_first(request.body.data)
        auth, tokens = turn.key.group.auth, parts.upstreams.tokens
        if not turn.key.is_account:
            # Of two credentials Google's own header is the one: this is no other provider's API.
            return await self._ask(parts, request, turn, Auth.GOOGLE if auth == Auth.BOTH else auth)
        try:
            signed = await tokens.signed(turn.key)
        except NoToken as refusal:
            unsigned = new_attempt(parts, request, turn, Auth.BEARER)
            raise_if_of_exit(refusal, unsigned, parts.upstreams.exits)
            unsigned.lacks_token = unsigned.count.is_unsent = True
            unsigned.refused(UpgradeRefused(refusal.status, [], refusal.body))
            return unsigned
        attempt = await self._ask(parts, request, turn._replace(key=signed), Auth.BEARER)
        if attempt.status == 401:
            tokens.forget(signed)
        return attempt

    async def _ask(
        self, parts: SendingParts, request: RequestPlan, turn: Turn, auth: str
    ) -> Attempt:
        key = turn.key
        attempt = new_attempt(parts, request, turn, auth)
        target = target_at(key.group, request)
        if auth.startswith(IN_QUERY):
            target = with_key(target, auth, key.secret)
        try:
            credentials = key.credentials(auth, is_openai=False)
            socket = await connect(parts.upstreams, key.group, request, target, credentials)
            attempt.open(socket)
            begun = await self.begin(socket)
            if isinstance(begun, Closing):
                self._closed(attempt, begun)
            else:
                attempt.receiving = begun
        except UpgradeRefused as refusal:
            attempt.refused(refusal)
        except GatewayError as error:
            attempt.count.is_unsent = not error.is_sent
            attempt.end(AttemptOutcome.of_status(error.status))
            raise
        except BaseException:
            await attempt.aclose()
            raise
        if attempt.status < 400 and not parts.recovery.is_idle:
            parts.recovery.succeeded(attempt.key, request.quota_scope, attempt.began_at)
        return attempt

    async def begin(self, socket: WebSocket) -> "asyncio.Task[Message] | Closing":
        """Sends what the client has sent, and goes on with it until the upstream says its first
        word, which may be its close, or has been silent for SILENT_SECONDS.
        """
        loop = asyncio.get_running_loop()
        sending = loop.create_task(self._messages.send_all(socket))
        receiving = loop.create_task(socket.recv())
        is_kept = False
        try:
            await asyncio.wait(
                {sending, receiving}, timeout=SILENT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if sending.done():
                await asyncio.wait({receiving})
            if receiving.done() and isinstance(error := receiving.exception(), ConnectionClosed):
                return Closing.received(error)
            self._messages.settle()
            with suppress(ConnectionClosed):  # the relay reads how
                await sending
                await self._messages.hand_over(socket)
            is_kept = True
            return receiving
        finally:
            if not is_kept:
                receiving.cancel()
            sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionClosed):
                await sending

    def _closed(self, attempt: LiveAttempt, closing: Closing) -> None:
        """Raises EndedAtOnce."""
        status = status_of_close(closing.code, closing.reason, self._messages.text())
        hidden = closing.without_key(attempt.key)
        if status is None:
            attempt.end(AttemptOutcome.of_status(closing.status))
            raise EndedAtOnce(hidden)
        attempt.closed(hidden, status)


def new_attempt(parts: SendingParts, request: RequestPlan, turn: Turn, auth: str) -> LiveAttempt:
    count = AttemptCount(parts.counting, parts.recovery, turn, request)
    return LiveAttempt(count, turn, auth)


def target_at(group: PoolGroup, request: RequestPlan) -> bytes:
    """With one slash in front, however many the client wrote; `ws` stands before the version."""
    facts, prefix = request.sent_to(group, group.auth)
    path = b"/" + facts.path.lstrip(b"/")
    return request.target(group.base if path.startswith(b"/ws/") else prefix, path)


async def connect(
    upstreams: Upstreams,
    group: PoolGroup,
    request: RequestPlan,
    target: bytes,
    credentials: list[Header],
) -> WebSocket:
    """Raises UpgradeRefused or GatewayError."""
    headers = to_upstream(
        request.headers, host=group.host, body_length=None, credentials=credentials
    )
    if not group.is_of_google:
        headers += hops.with_own_mark(request.headers)
    try:
        return await open_websocket(upstreams, group, target, headers, kept.LIVE_MESSAGE_BYTES)
    except UpgradeRefused as refusal:
        if hops.tells_loop(refusal.status, refusal.headers):
            raise LoopFound(hops.LOOP) from None
        raise
