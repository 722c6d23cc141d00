"""An answer of status 200 can end in an error, most often a quota that ran out or an overload.

Native streams write it bare after their last event, or as the last element of their array; the
OpenAI format and interactions as an event. What a model or a tool wrote about errors is content,
inside an event, and none.
"""

import json
import re
from typing import Final

KEPT_BYTES: Final = 6 * 1024
# More than is kept, so that not each chunk moves what is kept.
LONGEST_BYTES: Final = KEPT_BYTES + 2 * 1024
DECODER: Final = json.JSONDecoder()
# At a line's start, after the array's bracket or comma at most: an object inside another is
# indented or on its line.
BARE: Final = re.compile(r'^(?:[\[,]\s*)?(?=\{\s*"error"\s*:\s*\{)', re.MULTILINE)
END_OF_STREAM: Final = re.compile(r"(?:[\s\]]|data:\s*\[DONE\])*")
EVENT: Final = re.compile(r"data:\s*\[?(\{.*\})\]?\s*")


class ErrorTail:
    """Feed it the decoded chunks of one answer, then ask for the `error` in the last 6 KB of them.

    A chunk costs a copy of its end: looking for errors is left to the end of the answer.
    """

    def __init__(self) -> None:
        self._text = bytearray()
        self._is_cut = False

    def feed(self, text: bytes) -> None:
        self._text += text[-LONGEST_BYTES:]
        if len(self._text) >= LONGEST_BYTES:
            del self._text[:-KEPT_BYTES]
            self._is_cut = True

    def error(self) -> bytes:
        """The JSON object that has `error` at its top, as it was sent; empty when there is none."""
        if self._text.find(b'"error"') < 0:
            return b""
        text = self._text.decode("utf-8", "replace")
        if self._is_cut:
            text = text.partition("\n")[2]
        return (_bare(text) or _event(text)).encode()


def _bare(text: str) -> str:
    """Of the error alone: an operation or a file that failed has its name beside it, and was itself
    read well.
    """
    starts = [found.end() for found in BARE.finditer(text)]
    if not starts:
        return ""
    try:
        value, end = DECODER.raw_decode(text, starts[-1])
    except (ValueError, RecursionError):
        return ""
    is_last = END_OF_STREAM.fullmatch(text, end)
    return text[starts[-1] : end] if is_last and len(value) == 1 and _is_error(value) else ""


def _event(text: str) -> str:
    """The last one; an event that did not arrive whole does not parse."""
    for line in reversed(text.split("\n")):
        found = EVENT.fullmatch(line) if '"error"' in line else None
        if found and _is_error(_parsed(found[1])):
            return found[1]
    return ""


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_error(value: object) -> bool:
    error = value.get("error") if isinstance(value, dict) else None
    return isinstance(error, dict) and any(name in error for name in ("code", "status", "message"))
