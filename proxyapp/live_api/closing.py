"""With which code and words a session is closed, towards either side."""

from typing import NamedTuple

from websockets.exceptions import ConnectionClosed
from websockets.frames import EXTERNAL_CLOSE_CODES

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.refusal import read_refusal
from proxyapp.requests.record import ClientOutcome
from proxyapp.vocabulary.close_codes import (
    BUSY,
    GOING_AWAY,
    INTERNAL,
    LOST,
    NO_CODE,
    NORMAL,
    POLICY,
    RESTART,
)
from proxyapp.vocabulary.errors import GatewayError, LimitReached
from proxyapp.vocabulary.key_masker import ascii_mask, without_key

# Of a control frame, behind the code (RFC 6455, section 5.5).
REASON_BYTES = 123
# A key's first letters at the end of what was cut there.
SHORTEST_PART = 6
_OWN_CODES = range(3000, 5000)
GOOD_ENDS = (NORMAL, NO_CODE, GOING_AWAY, RESTART)
UPSTREAM_LOST = "The connection to the upstream was lost."


class Closing(NamedTuple):
    """`code`: as it was received, also one that must not be sent."""

    code: int
    reason: str = ""

    @classmethod
    def received(cls, closed: ConnectionClosed) -> "Closing":
        if closed.rcvd is not None:
            return cls(closed.rcvd.code, closed.rcvd.reason)
        if closed.sent is not None and closed.sent.code not in (NORMAL, GOING_AWAY):
            return cls(closed.sent.code, closed.sent.reason)  # what the upstream sent was no good
        return cls(LOST, UPSTREAM_LOST)

    @classmethod
    def of_error(cls, error: GatewayError) -> "Closing":
        if isinstance(error, LimitReached):  # the client's own; a key's quota is as Google says it
            return cls(POLICY, error.message)
        return cls.of_status(error.status, error.message)

    @classmethod
    def of_status(cls, status: int, message: str) -> "Closing":
        """As Google closes for what it would refuse over HTTP."""
        if status in (429, 503):
            return cls(INTERNAL if status == 429 else BUSY, message)
        return cls(POLICY if 400 <= status < 500 else INTERNAL, message)

    @classmethod
    def of_refusal(cls, status: int, body: bytes) -> "Closing":
        said = read_refusal(body).message
        return cls.of_status(status, said or f"The upstream refused the session: {status}.")

    @property
    def status(self) -> int:
        """As which it counts, where it is the client's own."""
        return 200 if self.code in (NORMAL, NO_CODE) else 400

    @property
    def outcome(self) -> ClientOutcome:
        """What the client sees of its session's end."""
        if self.code in GOOD_ENDS:
            return ClientOutcome.OK
        is_upstreams = self.code in (INTERNAL, BUSY, LOST)
        return ClientOutcome.UPSTREAM if is_upstreams else ClientOutcome.CLIENT_ERROR

    def for_client(self) -> "Closing":
        """What may be sent in a frame. A connection that broke is no reason of the client's."""
        return self._sendable(lost=INTERNAL)

    def for_upstream(self) -> "Closing":
        """A client that is gone has left."""
        return self._sendable(lost=GOING_AWAY)

    def _sendable(self, *, lost: int) -> "Closing":
        code = NORMAL if self.code == NO_CODE else self.code
        is_sendable = code in EXTERNAL_CLOSE_CODES or code in _OWN_CODES
        reason = self.reason.encode(errors="replace")[:REASON_BYTES].decode(errors="ignore")
        return Closing(code if is_sendable else lost, reason)

    def without_key(self, key: PoolKey) -> "Closing":
        """Also without its beginning, where the reason was cut in the middle of it."""
        hidden = without_key(self.reason.encode(), key.secret, ascii_mask(key.masked)).decode()
        for length in range(len(key.secret) - 1, SHORTEST_PART - 1, -1):
            if hidden.endswith(key.secret[:length]):
                hidden = hidden[:-length] + key.masked[:SHORTEST_PART]
                break
        return Closing(self.code, hidden)
