"""Finds the token counts of an answer while it passes, without keeping the answer.

Gemini says `"usageMetadata": {...}` in each event of a stream, the OpenAI format `"usage": {...}`
in the last; of a stream the last one counts. Inside a JSON string the quotes would be escaped, so
the bytes below stand for real keys.
"""

import json
from typing import NamedTuple

from proxyapp.provider.codings import COMPRESSIONS, Inflater
from proxyapp.provider.stream_error import ErrorTail

GEMINI, OPENAI = b'"usageMetadata"', b'"usage"'
LONGEST_MARKER = len(GEMINI)
OBJECT_BYTES = 4096
DECODER = json.JSONDecoder()
# An answer that grows more than this is no text: looking through gigabytes of zeros would stall
# everyone.
MOST_GROWTH = 100
ALWAYS_READ_BYTES = 8 << 20
PROMPT = ("promptTokenCount", "toolUsePromptTokenCount", "prompt_tokens", "total_input_tokens")
OUTPUT = ("candidatesTokenCount", "thoughtsTokenCount", "completion_tokens", "total_output_tokens")


class LlmTokens(NamedTuple):
    prompt: int = 0
    output: int = 0


NONE = LlmTokens()


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
        """Keeps the bytes that follow the last marker, also where a marker or its object spans
        chunks.
        """
        self._errors.feed(chunk)
        text = self._tail + chunk
        place = max(text.rfind(GEMINI), text.rfind(OPENAI))
        if place >= 0 and _may_be_object(text, place):
            self._found = text[place : place + OBJECT_BYTES]
        elif self._found and len(self._found) < OBJECT_BYTES:
            self._found += chunk[: OBJECT_BYTES - len(self._found)]
        self._tail = text[max(place + 1, len(text) - LONGEST_MARKER + 1) :]

    def llm_tokens(self) -> LlmTokens:
        """Zeros when the answer told nothing."""
        if not self._found:
            return NONE
        start = self._found.find(b"{")
        try:
            usage, _ = DECODER.raw_decode(self._found[start:].decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return NONE
        if not isinstance(usage, dict):
            return NONE
        return LlmTokens(_sum(usage, PROMPT), _sum(usage, OUTPUT))

    def error(self) -> bytes:
        """What ErrorTail says of the answer."""
        return self._errors.error()


def _may_be_object(text: bytes, place: int) -> bool:
    """False for `"usage": null`, which chat streams send in every event but the last."""
    after = text[text.index(b'"', place + 1) + 1 :][:16].lstrip(b": \r\n\t")
    return not after or after.startswith(b"{")


def _sum(usage: dict[str, object], names: tuple[str, ...]) -> int:
    total = 0
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and 0 <= value < 1 << 40:
            total += value
    return total
