"""What becomes of an upstream's answer as it comes: counted, masked, and given on."""

import time
from collections.abc import Callable
from typing import Final

from mypy_extensions import mypyc_attr

from proxyapp.forwarding.answer_mask import (
    SHORTEST_IN_SUCCESS,
    AnswerMask,
    InflatingMask,
    UnreadableRest,
    mask_of_success,
)
from proxyapp.forwarding.attempt_count import AttemptCount
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.pool.wish import Turn
from proxyapp.provider.codings import COMPRESSIONS, READ_CODINGS
from proxyapp.provider.llm_tokens import LlmTokenCounter
from proxyapp.provider.stream_usage import UsageEvents
from proxyapp.upstream.headers import let_stream, to_client
from proxyapp.upstream.response_flow import ResponseFlow
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import StreamBroken
from proxyapp.vocabulary.key_masker import KeyMasker

# What no longer holds of an answer whose body was replaced.
OF_FIRST_BODY: Final = frozenset({b"content-length", b"x-accel-buffering"})


@mypyc_attr(allow_interpreted_subclasses=True)
class CountedAnswer:
    """The answer's status, headers and raw body. The waits for it are Attempt's."""

    def __init__(self, count: AttemptCount, turn: Turn, auth: str) -> None:
        """`on_error` hears the error that ends a good stream, and tells the status it means.

        `coding`: the Content-Encoding, in lower case; empty without one.
        """
        self.key = turn.key
        self.auth = auth
        self.count = count
        self.client = count.client
        self.on_error: Callable[[bytes], int] | None = None
        self.began_at = time.time()
        self.status = 0
        self.headers: list[Header] = []
        self.coding = b""
        self.is_complete = False
        self.is_false_success = False
        self.held_until: float | None = None
        self._body: ResponseFlow | None = None
        self._head: list[bytes] = []
        self._mask: AnswerMask | None = None
        self._counter: LlmTokenCounter | None = None
        self._hidden: UsageEvents | None = None

    def begin(self, exchange: ResponseFlow) -> None:
        """The head of the answer is here."""
        self.status = exchange.response.status
        if self.count.record is not None:
            self.count.answered(self.status)
        self.headers = to_client(exchange.response.headers)
        let_stream(self.headers)
        self._body = exchange
        self.coding = self.header(b"content-encoding").strip().lower()
        self._counter = self.count.begin(self.coding, self.headers)
        if self.status < 300 and not self.coding:
            self._mask = mask_of_success(self.key.secret, self.key.masked, self.headers)

    def header(self, name: bytes) -> bytes:
        """The first of that name (in lower case); empty without one."""
        for header, value in self.headers:
            if len(header) == len(name) and header.lower() == name:
                return value
        return b""

    def read_now(self) -> list[bytes]:
        """Maybe nothing: the rest is for `read`. Raises StreamBroken."""
        chunks, self._head = self._head, []
        if not chunks:
            chunks = self.take()
        if self.is_complete:
            self._end_well()
        return chunks

    # The start of an answer, which is held until it is known to be one.

    def take(self) -> list[bytes]:
        """What has arrived, maybe nothing. To be given back with `hold`."""
        if self._body is None or self.is_complete:
            return []
        return self._noted(self._body.take())

    @property
    def is_done(self) -> bool:
        """Whether it is counted, and its upstream done with: there is nothing to close."""
        body = self._body
        return self.count.is_over and (body is None or body.is_over)

    def hold(self, chunks: list[bytes]) -> None:
        """They are read first."""
        self._head = chunks

    def held(self) -> list[bytes]:
        """To be given back with `hold`."""
        head, self._head = self._head, []
        return head

    def refuse(self, status: int, body: bytes, content_type: bytes) -> None:
        """A success that is none: of this status, with this body; what comes after it is lost."""
        self.status = status
        self.is_false_success = True
        self.replace_body(body, content_type)

    def _noted(self, chunks: list[bytes]) -> list[bytes]:
        """As they are counted and relayed."""
        self.is_complete = self._body is not None and self._body.is_complete
        if self._mask is not None:
            try:
                chunks = self._mask.pieces(chunks, is_complete=self.is_complete)
            except UnreadableRest as error:
                raise self._broken(str(error)) from None
        counter = self._counter
        if counter is not None:
            for chunk in chunks:
                counter.feed(chunk)
        if self._hidden is not None:
            return self._hidden.pieces(chunks, is_complete=self.is_complete)
        return chunks

    def _broken(self, reason: str) -> StreamBroken:
        self.end(AttemptOutcome.UPSTREAM_ERROR)
        return StreamBroken(f"the upstream broke off: {reason}")

    def _end_well(self) -> None:
        if not self.count.is_over:
            self.end(AttemptOutcome.of_status(self._final_status()))

    def _final_status(self) -> int:
        error = self._counter.error() if self.on_error and self._counter else b""
        return self.on_error(error) if self.on_error and error else self.status

    def end(self, outcome: AttemptOutcome) -> None:
        """Only the first call counts."""
        self.count.end(outcome, self.status)
        self.on_error = None  # it knows this attempt: the garbage collector shall have no work

    @property
    def is_readable(self) -> bool:
        """Whether the body is in a coding that `read_error` undoes."""
        return not self.coding or self.coding in READ_CODINGS

    def replace_body(self, body: bytes, content_type: bytes = b"") -> None:
        """Another body for a completely read answer, as it is: not encoded.

        Without a type it has that of the first.
        """
        replaced = (
            (b"content-encoding", b"content-type") if content_type else (b"content-encoding",)
        )
        self.headers = [header for header in self.headers if header[0].lower() not in replaced]
        self.headers += [(b"content-type", content_type)] if content_type else []
        self.coding = b""
        self._mask = self._hidden = None
        self._set_body(body)

    def pass_through(self, mask: AnswerMask, *, is_inflating: bool) -> None:
        """What was read of a body and what comes of it: its length is no longer known."""
        self._forget_length(also={b"content-encoding"} if is_inflating else set())
        self.coding = b"" if is_inflating else self.coding
        self._mask = mask
        self._head = mask.pieces(self._head, is_complete=False)

    def hide_usage(self) -> None:
        """Takes the event with the usage out of a stream, when it is counted.

        One that is packed, which was not asked for, passes unpacked.
        """
        secret, coding = self.key.secret, self.coding
        if coding in COMPRESSIONS and len(secret) >= SHORTEST_IN_SUCCESS:
            mask = InflatingMask(KeyMasker(secret, self.key.masked), coding)
            self.pass_through(mask, is_inflating=True)
            self._counter = self.count.begin(b"", self.headers)
        elif coding and coding != b"identity":
            return
        else:
            self._forget_length(also=set())
        self._hidden = UsageEvents()

    def _forget_length(self, also: set[bytes]) -> None:
        """`also`: names of other headers that no longer hold."""
        changed = OF_FIRST_BODY | also
        self.headers = [header for header in self.headers if header[0].lower() not in changed]
        let_stream(self.headers)

    def _set_body(self, body: bytes) -> None:
        self.headers = [header for header in self.headers if header[0].lower() not in OF_FIRST_BODY]
        self.headers.append((b"content-length", b"%d" % len(body)))
        self._head = [body] if body else []
