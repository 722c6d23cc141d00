"""Looks at the start of an answer to a call that generates, before the client is committed to it.

What is a success by its status alone becomes the refusal that it is, and is judged and counted as
the status that it names. Only what comes first is held, and no longer than it takes to tell.
"""

import json
import time

from proxyapp.forwarding.attempt import Attempt
from proxyapp.provider.answer_content import AnswerContent, reader_of
from proxyapp.provider.answer_start import MOST_HELD_BYTES, AnswerStart, Start, begins_well
from proxyapp.provider.codings import Inflater
from proxyapp.provider.verdict import effective_status
from proxyapp.vocabulary.client_paths import dialect_of
from proxyapp.vocabulary.errors import StreamBroken, UpstreamFailed, error_body

# A stream that sends nothing but comments for so long is relayed: its client sees that it lives.
HELD_SECONDS = 2.0
SERVER_ERROR, BAD_GATEWAY = 500, 502
JSON_TYPE = b"application/json"
EMPTY = "The upstream answered with nothing where an answer is due."
PAGE = (
    "The upstream sent a web page where an answer is due. Is the target URL of the key's group"
    " right?"
)


def is_well_begun(attempt: Attempt) -> bool:
    """At a glance; False: `look_at_start`. What was taken is held in the attempt."""
    chunks = attempt.take()
    attempt.hold(chunks)
    if not chunks or attempt.coding:
        return False
    return begins_well(chunks[0], is_complete=attempt.is_complete and len(chunks) == 1)


async def look_at_start(attempt: Attempt, path: bytes) -> None:
    """`path`: the client's. Raises UpstreamFailed when the answer broke off before its start."""
    chunks = attempt.held()
    start = AnswerStart(attempt.header(b"content-type"))
    found = await _Look(attempt, start).run(chunks)
    if found is Start.ERROR:
        _refuse(attempt, effective_status(attempt.status, start.error), start.error, path)
    elif found is Start.EMPTY:
        _refuse(attempt, BAD_GATEWAY, EMPTY.encode(), path)
    elif found is Start.PAGE:
        _refuse(attempt, BAD_GATEWAY, PAGE.encode(), path)
    else:
        return
    await attempt.keep()


async def is_without_content(attempt: Attempt, path: bytes) -> bool:
    """Of an answer that is one by its start. `path`: the client's. What is not known is content."""
    content = reader_of(path)
    if content is None:
        return False
    return await _Look(attempt, content).run(attempt.held()) is Start.EMPTY


class _Look:
    """What was taken is held in the attempt, whatever is found."""

    def __init__(self, attempt: Attempt, start: AnswerStart | AnswerContent) -> None:
        self._attempt = attempt
        self._start = start
        coding = attempt.coding
        self._inflater = Inflater(coding, 2 * MOST_HELD_BYTES) if coding else None
        if attempt.held_until is None:
            attempt.held_until = time.monotonic() + HELD_SECONDS
        self._until = attempt.held_until

    async def run(self, chunks: list[bytes]) -> Start:
        held: list[bytes] = []
        attempt = self._attempt
        while True:
            held += chunks
            found = self._fed(chunks) if chunks or attempt.is_complete else Start.UNDECIDED
            remaining = self._until - time.monotonic()
            if found is not Start.UNDECIDED or attempt.is_complete or remaining <= 0:
                break
            try:
                await attempt.arrive(remaining)
            except StreamBroken as error:
                if not held:
                    raise UpstreamFailed(f"The answer has no beginning: {error}.") from None
                break
            chunks = attempt.take()
        attempt.hold(held)
        return found

    def _fed(self, chunks: list[bytes]) -> Start:
        text = b"".join(chunks)
        if self._inflater is not None:
            text = b"".join(self._inflater.feed(text))
            if self._inflater.is_broken:
                return Start.GOOD  # in no coding that can be read: relayed as it is
        return self._start.feed(text, is_complete=self._attempt.is_complete)


def _refuse(attempt: Attempt, status: int, error: bytes, path: bytes) -> None:
    """With the error as it was sent where it is JSON, else in the path's shape."""
    meant = status if status >= 400 else SERVER_ERROR
    attempt.refuse(meant, error if _is_json(error) else _shaped(meant, error, path), JSON_TYPE)


def _is_json(error: bytes) -> bool:
    try:
        return isinstance(json.loads(error), (dict, list))
    except (ValueError, RecursionError):
        return False


def _shaped(status: int, text: bytes, path: bytes) -> bytes:
    message = text.decode("utf-8", "replace")
    return error_body(status, message, dialect=dialect_of(path), code="upstream_failed")
