"""One request to the upstream with one key: counted exactly once, however it ends."""

import time
from collections.abc import AsyncIterator

import httpx

from proxyapp.forwarding.counted_answer import CountedAnswer
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.provider.codings import DECODED_BYTES, decoded
from proxyapp.upstream.exchange import UpstreamExchange
from proxyapp.vocabulary.errors import BodyNotKept, StreamBroken
from proxyapp.vocabulary.in_task import time_limit

# Of what is judged and kept of a refusal nothing is further away from its start.
ERROR_BODY_BYTES = 64 * 1024
# The client waits for it, and the next key with it: much less than READ_TIMEOUT_SECONDS.
ERROR_BODY_SECONDS = 3.0


class Attempt(CountedAnswer):
    """The answer's status, headers and raw body, to `read` or to iterate.

    `aclose` ends it; it may be called more than once. `is_handshake`: nothing has been asked yet.
    `lacks_token`: nothing was asked, for want of an account's token.
    """

    is_handshake = False
    lacks_token = False
    _body: UpstreamExchange | None

    async def read(self) -> list[bytes]:
        """The chunks that have arrived, one or more; none at the end.

        Nothing comes after them if `is_complete`. Raises StreamBroken when the upstream breaks off.
        """
        chunks = self.read_now()
        while not chunks and not self.is_complete and self._body is not None:
            try:
                await self._body.fill()
            except (httpx.TransportError, BodyNotKept) as error:
                raise self._broken_by(error) from None
            chunks = self.read_now()
        return chunks

    async def arrive(self, seconds: float) -> None:
        """Returns when there is something to take, at the end, or after the time.

        Raises StreamBroken when the upstream breaks off.
        """
        if self._body is None or self.is_complete:
            return
        try:
            await self._body.arrive(seconds)
        except (httpx.TransportError, BodyNotKept) as error:
            raise self._broken_by(error) from None

    def _broken_by(self, error: httpx.TransportError | BodyNotKept) -> StreamBroken:
        if isinstance(error, BodyNotKept):  # the upstream is not to blame
            self.end(AttemptOutcome.CANCELLED)
        return self._broken(type(error).__name__)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._head = self._head or await self.read()
        if not self._head:
            raise StopAsyncIteration
        chunk = self._head.pop(0)
        if self.is_complete and not self._head:
            self._end_well()
        return chunk

    async def aclose(self) -> None:
        """Closes the connection of an answer that was not read to its end: the client left."""
        self.end(AttemptOutcome.CANCELLED)
        if self._body is not None:
            await self._body.aclose()

    async def read_error(self) -> bytes:
        """The body of a refusal, decoded; of a long one only the start.

        Of one that comes too slowly what came in time is all there is: the next key does not wait
        for the rest. What was read stays to be relayed.
        """
        read: list[bytes] = []
        is_slow = False
        try:
            async with time_limit(ERROR_BODY_SECONDS):
                while sum(map(len, read)) < ERROR_BODY_BYTES and (chunks := await self.read()):
                    read += chunks
        except StreamBroken:
            pass  # whoever relays it finds out
        except TimeoutError:
            is_slow = True
        self._head = read
        if is_slow:
            await self.keep()
        return decoded(b"".join(read), self.coding)

    async def read_whole(self) -> bytes:
        """The decoded body of an error that is to be relayed; empty if it is longer than
        DECODED_BYTES, or does not end in time.

        What was read stays to be relayed; of one that breaks off that is all there is.
        """
        read, until = self.held(), time.monotonic() + ERROR_BODY_SECONDS
        length = sum(map(len, read))
        try:
            while not self.is_complete and length < DECODED_BYTES:
                if (seconds := until - time.monotonic()) <= 0:
                    break
                await self.arrive(seconds)
                chunks = self.take()
                read += chunks
                length += sum(map(len, chunks))
        except StreamBroken:
            self.hold(read)
            await self.keep()
            return b""
        self.hold(read)
        return decoded(b"".join(read), self.coding) if self.is_complete else b""

    async def keep(self) -> None:
        """Counts a refusal and lets go of the upstream.

        What was read of its body is all there is to relay.
        """
        self.end(AttemptOutcome.of_status(self.status))
        if not self.is_complete:
            self.is_complete = True
            rest = self._hidden.rest() if self._hidden is not None else b""
            rest += self._mask.rest() if self._mask is not None else b""
            self._set_body(b"".join((*self._head, rest)))
        await self.aclose()
