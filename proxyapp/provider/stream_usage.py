"""The usage of an OpenAI stream whose client did not ask for it: asked for in the request, and
taken out of the answer again.

`stream_options.include_usage` adds an event before `[DONE]` that has a usage and no choices.
"""

import json
import re
from typing import Any

STREAMING = (b"/chat/completions", b"/completions")
ASKED = b',"stream_options":{"include_usage":true}'
# A usage has some hundred bytes: an event that is much longer is another, and passes as it comes.
MOST_EVENT_BYTES = 16 * 1024
# A line may end in three ways; two ends in a row end an event. What is taken is not given back, or
# `\r\n` would be two; of a last `\r` the next chunk tells whether that is one end or half of one.
EVENT_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r(?!\Z))")
LINE_END = re.compile(rb"\r\n|\n|\r")
MAY_TELL = re.compile(rb'"usage"\s*:\s*\{')
# A whole event is at its end; of one that is cut the next chunk has more.
ENDS = (b"\n\n", b"\r\n\r\n")


def may_stream(path: bytes) -> bool:
    """Whether a stream of this path can be asked for its usage."""
    return path.endswith(STREAMING)


def asking_for_usage(body: bytes) -> bytes:
    """A JSON object, with one member more. It has to have others."""
    end = body.rindex(b"}")
    return body[:end] + ASKED + body[end:]


class UsageEvents:
    """Takes the event with the usage out of a stream, wherever its chunks are cut.

    What is left is byte for byte what came. An event that is cut waits for its end, before which it
    means nothing to a client.
    """

    def __init__(self) -> None:
        self._held = b""
        self._is_passing = False

    def pieces(self, chunks: list[bytes], *, is_complete: bool) -> list[bytes]:
        """What may pass, none of it empty. `is_complete`: nothing comes after it."""
        if not self._held and not self._is_passing and _are_plain(chunks):
            return chunks
        text = self._held + b"".join(chunks)
        kept, place = [], 0
        for found in EVENT_END.finditer(text):
            event = text[place : found.end()]
            if self._is_passing or not _is_usage(event):
                kept.append(event)
            place, self._is_passing = found.end(), False
        rest = text[place:]
        if is_complete and _is_usage(rest):
            rest = b""
        self._is_passing = self._is_passing or len(rest) > MOST_EVENT_BYTES
        # The end of a line may be the first half of an event's.
        held = len(rest.rstrip(b"\r\n")) if self._is_passing else 0
        held = len(rest) if is_complete else held
        kept.append(rest[:held])
        self._held = rest[held:]
        passed = b"".join(kept)
        return [passed] if passed else []

    def rest(self) -> bytes:
        """What was held back of a stream that is read no further."""
        held, self._held = self._held, b""
        return held


def _are_plain(chunks: list[bytes]) -> bool:
    """Whole events without a usage, as nearly all are."""
    return all(chunk.endswith(ENDS) and not MAY_TELL.search(chunk) for chunk in chunks)


def _is_usage(event: bytes) -> bool:
    if not MAY_TELL.search(event):
        return False
    lines = [line[5:] for line in LINE_END.split(event) if line.startswith(b"data:")]
    try:
        value: Any = json.loads(b"\n".join(lines))
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or value.get("choices") != [] or value.get("error"):
        return False
    return isinstance(value.get("usage"), dict)
