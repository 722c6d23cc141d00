"""Finds the token counts of an answer while it passes, without keeping the answer.

Gemini says `"usageMetadata": {...}` in each event of a stream, the OpenAI format `"usage": {...}`
in the last; of a stream the last one counts. What the last leaves out of its prompt is taken from
the first: Anthropic's streams begin with the input and end with the output. Inside a JSON string
the quotes would be escaped, so the bytes below stand for real keys.
"""

import json
from typing import Final, NamedTuple

from proxyapp.provider.codings import COMPRESSIONS, Inflater
from proxyapp.provider.stream_error import ErrorTail
from proxyapp.provider.usage_shapes import counts_of_usage, tells_prompt

GEMINI, OPENAI = b'"usageMetadata"', b'"usage"'
LONGEST_MARKER: Final = len(GEMINI)
# After a marker: a colon, white space, and how a value begins.
VALUE_BYTES: Final = 16
OBJECT_BYTES: Final = 4096
DECODER: Final = json.JSONDecoder()
# An answer that grows more than this is no text: looking through gigabytes of zeros would stall
# everyone.
MOST_GROWTH: Final = 100
ALWAYS_READ_BYTES: Final = 8 << 20


class LlmTokens(NamedTuple):
    """As `usage_shapes` has them: `cached` and `tool_use` of the prompt, `thoughts` of the output
    are parts.
    """

    prompt: int = 0
    output: int = 0
    cached: int = 0
    thoughts: int = 0
    tool_use: int = 0


NONE: Final = LlmTokens()


class LlmTokenCounter:
    """Feed it the raw chunks of one answer, then ask `llm_tokens`.

    `encoding`: the answer's Content-Encoding.
    """

    def __init__(self, encoding: bytes = b"") -> None:
        is_packed = encoding in COMPRESSIONS
        self._inflater = Inflater(encoding, ALWAYS_READ_BYTES, MOST_GROWTH) if is_packed else None
        self._is_readable = is_packed or encoding in (b"", b"identity")
        self._tail = b""
        self._found = b""
        self._first = b""
        self._errors = ErrorTail()

    def feed(self, chunk: bytes) -> None:
        if not self._is_readable:
            return
        if self._inflater is None:
            self._scan(chunk)
            return
        for piece in self._inflater.feed(chunk):
            self._scan(piece)

    def _scan(self, chunk: bytes) -> None:
        """Keeps the bytes that follow the last marker, and of the OpenAI formats the first, also
        where a marker or its object spans chunks.
        """
        self._errors.feed(chunk)
        text = self._tail + chunk
        if self._first and len(self._first) < OBJECT_BYTES:
            self._first += chunk[: OBJECT_BYTES - len(self._first)]
        last = place = max(text.rfind(GEMINI), text.rfind(OPENAI))
        cut = max(last + 1, len(text) - LONGEST_MARKER + 1)
        if place >= 0:
            value = _value_after(text, place)
            if not value:
                cut = place  # the next chunk tells
            if value != b"{":
                place = _object_before(text, place)
        if place >= 0:
            self._found = text[place : place + OBJECT_BYTES]
            if not self._first and text.startswith(OPENAI, place):
                first = text.find(OPENAI)
                self._first = self._found
                if first < place:
                    first = _object_from(text, first)
                    self._first = text[first : first + OBJECT_BYTES]
        elif self._found and len(self._found) < OBJECT_BYTES:
            self._found += chunk[: OBJECT_BYTES - len(self._found)]
        self._tail = text[cut:]

    def llm_tokens(self) -> LlmTokens:
        """Zeros when the answer told nothing."""
        usage = _read(self._found)
        if not usage:
            return NONE
        if self._first and not tells_prompt(usage):
            usage = {**_read(self._first), **usage}
        # As LlmTokens(*…), whose __new__ is Python's own and takes four times as long.
        return tuple.__new__(LlmTokens, counts_of_usage(usage))

    def error(self) -> bytes:
        """What ErrorTail says of the answer."""
        return self._errors.error()


def _object_before(text: bytes, place: int) -> int:
    """The place of the last marker before this one that an object follows; -1: none does.

    Chat streams send `"usage": null` in every event but the last.
    """
    while (place := text.rfind(OPENAI, 0, place)) >= 0:
        if _value_after(text, place) == b"{":
            break
    return place


def _object_from(text: bytes, place: int) -> int:
    """The place of the first of OpenAI's markers that an object follows, from this one on. There
    has to be one.
    """
    while _value_after(text, place) != b"{":
        place = text.find(OPENAI, place + 1)
    return place


def _value_after(text: bytes, place: int) -> bytes:
    """How the marker's value begins; empty while the bytes that tell it are not here."""
    end = text.index(b'"', place + 1) + 1
    after = text[end : end + VALUE_BYTES]
    return after.lstrip(b": \r\n\t")[:1] or after[VALUE_BYTES - 1 :]


def _read(found: bytes) -> dict[str, object]:
    """Of the object that follows a marker; empty when that is none, or not whole."""
    start = found.find(b"{")
    if start < 0:
        return {}
    try:
        usage, _ = DECODER.raw_decode(found[start:].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return usage if isinstance(usage, dict) else {}
