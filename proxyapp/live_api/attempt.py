"""One session with one key: opened, refused, or closed before the upstream has said a word."""

import asyncio

from proxyapp.forwarding.attempt import Attempt
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.live_api.closing import Closing
from proxyapp.pool.turn_charge import TurnCharge
from proxyapp.provider.live_closes import error_of_close
from proxyapp.provider.live_messages import Message
from proxyapp.provider.llm_tokens import NONE
from proxyapp.upstream.headers import to_client
from proxyapp.upstream.websocket import UpgradeRefused, WebSocket
from proxyapp.vocabulary.key_masker import without_key

SWITCHED = 101
JSON_TYPE = (b"content-type", b"application/json")


class LiveAttempt(Attempt):
    """`receiving`: the upstream's first message. `closing`: how it has refused the setup."""

    is_handshake = True
    socket: WebSocket | None = None
    receiving: "asyncio.Task[Message] | None" = None
    closing: Closing | None = None
    _charge: TurnCharge | None = None

    def open(self, socket: WebSocket) -> None:
        """What ends the session later is judged as the end of a stream of JSON."""
        self.socket = socket
        self.status = SWITCHED
        self.count.answered(SWITCHED)
        self.headers = [JSON_TYPE]

    def begin_session(self) -> None:
        """It is counted; what its turn took of limits it has until it is closed."""
        self._charge = self.count.release_charge()
        self.end(AttemptOutcome.SUCCEEDED)

    def refused(self, refusal: UpgradeRefused) -> None:
        self.headers = to_client(refusal.headers)
        self._refused(refusal.status, refusal.body)

    def closed(self, closing: Closing, status: int) -> None:
        """`status`: what it stands for. `closing`: without the key."""
        self.closing = closing
        self._refused(status, error_of_close(status, closing.reason))

    def _refused(self, status: int, body: bytes) -> None:
        self.is_complete = True
        self.refuse(status, without_key(body, self.key.secret, self.key.masked), b"")

    async def aclose(self) -> None:
        self.end(AttemptOutcome.CANCELLED)
        charge, self._charge = self._charge, None
        if charge is not None:  # what was said has been counted as it came
            charge.end(NONE)
        if self.receiving is not None:
            self.receiving.cancel()
        if self.socket is not None:
            self.socket.transport.abort()
