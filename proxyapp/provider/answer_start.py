"""Whether an answer of status 200 begins as one, told from as little of it as that takes.

The first event of a stream may be an error, or a bare JSON error may stand in its place; a JSON
answer may be an error as a whole, or nothing, or a web page. What a model wrote is never looked
into: the first key at the top of the first object decides, and the object is parsed only when it
has an `error`.
"""

import json
import re
from enum import Enum
from typing import Final

from proxyapp.provider.refusal import read_refusal

MOST_HELD_BYTES: Final = 64 * 1024
# Each look goes over all that is held: an upstream that drips bytes must not keep a core busy.
MOST_LOOKS: Final = 200
DECODER: Final = json.JSONDecoder()
FIRST_KEY: Final = re.compile(r'\{\s*"([^"\\]{0,64})"\s*:')
# With one of these first an object is an answer, however long it is. `id` and `object` say nothing:
# some providers begin an error with them.
ANSWER_KEYS: Final = frozenset({
    "candidates", "choices", "promptFeedback", "usageMetadata", "modelVersion", "responseId",
    "embedding", "embeddings", "data", "predictions", "created", "model", "output", "outputs",
})  # fmt: skip
# What nearly every answer begins with: the rest of this module is for the others.
GOOD_START: Final = re.compile(
    rb'\s*(?:data:[ \t]*)?\[?\s*\{\s*"(?:' + "|".join(sorted(ANSWER_KEYS)).encode() + rb')"\s*:'
)
# Of others an object that is here as a whole, or a whole first event, will do.
OBJECT_START: Final = re.compile(rb"\s*(data:[ \t]*)?\[?\s*\{")
JSON_TYPES: Final = (b"json", b"event-stream")
PAGE: Final = re.compile(r"\s*<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
LINE: Final = re.compile(r"\r\n|\n|\r")
HEARTBEATS: Final = frozenset({"ping", "heartbeat", "keepalive", "keep-alive"})


class Start(Enum):
    UNDECIDED = "undecided"
    GOOD = "good"
    ERROR = "error"
    EMPTY = "empty"
    PAGE = "page"


def begins_well(chunk: bytes, *, is_complete: bool) -> bool:
    """At a glance; False: look closer. `is_complete`: the chunk is all of the answer."""
    if GOOD_START.match(chunk):
        return True
    found = OBJECT_START.match(chunk)
    if found is None or b'"error"' in chunk:
        return False
    return is_complete or (found[1] is not None and (b"\n\n" in chunk or b"\r\n\r\n" in chunk))


class AnswerStart:
    """Feed it the decoded start of one answer until it has decided.

    `error`: what the answer is instead of one, as JSON where it was JSON.
    """

    def __init__(self, content_type: bytes) -> None:
        """`content_type`: the header's value; empty when there is none."""
        kind = content_type.lower()
        self._is_page_type = b"html" in kind
        self._is_read = not kind or self._is_page_type or any(word in kind for word in JSON_TYPES)
        self._bytes = bytearray()
        self._looks = 0
        self.error = b""

    def feed(self, chunk: bytes, *, is_complete: bool) -> Start:
        """`is_complete`: nothing comes after the chunk."""
        self._bytes += chunk
        self._looks += 1
        if len(self._bytes) > MOST_HELD_BYTES or self._looks > MOST_LOOKS:
            return Start.GOOD
        text = self._bytes.decode("utf-8", "replace").lstrip("\ufeff")
        if not text.strip():
            return Start.EMPTY if is_complete else Start.UNDECIDED
        if not self._is_read:
            return Start.GOOD
        if PAGE.match(text) or (self._is_page_type and text.lstrip().startswith("<")):
            return Start.PAGE
        found = self._of_text(text, is_complete=is_complete)
        return Start.GOOD if is_complete and found is Start.UNDECIDED else found

    def _of_text(self, text: str, *, is_complete: bool) -> Start:
        bare = text.lstrip()
        if bare.startswith(("{", "[")):
            return self._of_json(bare, is_complete=is_complete)
        return self._of_events(text, is_complete=is_complete)

    def _of_json(self, text: str, *, is_complete: bool) -> Start:
        """An object, or the first element of an array. An empty array is an answer."""
        if text.startswith("["):
            text = text[1:].lstrip()
            if not text:
                return Start.UNDECIDED
        if not text.startswith("{"):
            return Start.GOOD
        key = FIRST_KEY.match(text)
        if key is not None and key[1] in ANSWER_KEYS:
            return Start.GOOD
        try:
            _, end = DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            return Start.UNDECIDED
        return self._judged(text[:end])

    def _judged(self, text: str) -> Start:
        if '"error"' not in text or not read_refusal(text.encode()).is_error:
            return Start.GOOD
        self.error = text.encode()
        return Start.ERROR

    def _of_events(self, text: str, *, is_complete: bool) -> Start:
        """Comments, heartbeats and fields without data come before the first event."""
        name, data = "", list[str]()
        lines = LINE.split(text)
        rest = "" if is_complete else lines.pop()
        for number, line in enumerate(lines):
            if not line or (is_complete and number == len(lines) - 1):
                name, data = self._fields(line, name, data)
                if (found := self._of_event(name, data)) is not Start.UNDECIDED:
                    return found
                name, data = "", []
            elif line.startswith(("{", "[")) and not data:
                tail = "\n".join([*lines[number:], rest])
                return self._of_json(tail, is_complete=is_complete)
            else:
                name, data = self._fields(line, name, data)
        if rest.startswith(("{", "[")) and not data:
            return self._of_json(rest, is_complete=is_complete)
        name, data = self._fields(rest, name, data)
        return self._of_unfinished(name, data)

    @staticmethod
    def _fields(line: str, name: str, data: list[str]) -> tuple[str, list[str]]:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            return value.strip(), data
        return (name, [*data, value]) if field == "data" else (name, data)

    def _of_event(self, name: str, data: list[str]) -> Start:
        text = "\n".join(data).strip()
        if name == "error":
            self.error = text.encode()
            return Start.ERROR
        if not text or name in HEARTBEATS:
            return Start.UNDECIDED
        if text == "[DONE]":
            return Start.EMPTY
        if text.startswith(("{", "[")):
            return self._of_json(text, is_complete=True) if '"error"' in text else Start.GOOD
        return Start.GOOD

    def _of_unfinished(self, name: str, data: list[str]) -> Start:
        """Of a long first event its first key will do."""
        key = FIRST_KEY.match("\n".join(data).lstrip(" [")) if name != "error" else None
        return Start.GOOD if key and key[1] in ANSWER_KEYS else Start.UNDECIDED
