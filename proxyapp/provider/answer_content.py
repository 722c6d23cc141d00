"""Whether an answer to a call that generates has any content, told as it comes.

Empty is what ends well and says nothing: no text, no call of a tool, nothing else. What a model was
kept from saying (a blocked prompt, SAFETY), or what was cut (MAX_TOKENS), is an answer.
"""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from proxyapp.provider.answer_start import DECODER, LINE, MOST_HELD_BYTES, MOST_LOOKS, Start
from proxyapp.provider.tolerant_json import Object, objects_in

GEMINI = re.compile(rb":(?:generateContent|streamGenerateContent)$")
OPENAI = re.compile(rb"/(?:chat/completions|completions)$")
# How an answer ends well. In the middle of a stream nothing is said of it.
GOOD_ENDS = frozenset({None, "", "STOP", "FINISH_REASON_UNSPECIFIED", "stop"})
GAP = re.compile(r"[ \t\r\n,]*+")
# What stands beside the contents of a part or of a message.
BESIDE = frozenset({"thought", "thoughtSignature", "extra_content", "role", "annotations"})


def reader_of(path: bytes) -> "AnswerContent | None":
    """None for what is asked of no model. `path`: the client's, without the query."""
    plain = unquote_to_bytes(path).rstrip(b"/")
    if GEMINI.search(plain):
        return AnswerContent(says_gemini)
    return AnswerContent(says_openai) if OPENAI.search(plain) else None


class AnswerContent:
    """Feed it the decoded answer. GOOD: it has content, or cannot be read; EMPTY: it has none."""

    def __init__(self, says_something: Callable[[Object], bool]) -> None:
        self._says_something = says_something
        self._bytes = bytearray()
        self._looks = 0

    def feed(self, chunk: bytes, *, is_complete: bool) -> Start:
        self._bytes += chunk
        self._looks += 1
        if len(self._bytes) > MOST_HELD_BYTES or self._looks > MOST_LOOKS:
            return Start.GOOD
        text = self._bytes.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
        try:
            for found in self._objects(text, is_complete=is_complete):
                if not isinstance(found, dict) or self._says_something(found):
                    return Start.GOOD
        except (ValueError, RecursionError):
            return Start.GOOD  # nothing that can be read: relayed as it is
        return Start.EMPTY if is_complete else Start.UNDECIDED

    def _objects(self, text: str, *, is_complete: bool) -> Iterator[object]:
        if text.startswith("["):
            return self._elements(text, is_complete=is_complete)
        if text.startswith("{"):
            return iter([json.loads(text)] if is_complete else [])
        return self._events(text, is_complete=is_complete)

    def _elements(self, text: str, *, is_complete: bool) -> Iterator[object]:
        """Of an array that is still coming: those that are whole."""
        place = 1
        while True:
            place = GAP.match(text, place).end()  # type: ignore[union-attr]
            if text[place : place + 1] in ("", "]"):
                return
            try:
                found, place = DECODER.raw_decode(text, place)
            except ValueError:
                if is_complete:
                    raise
                return
            yield found

    def _events(self, text: str, *, is_complete: bool) -> Iterator[object]:
        """Each line of data is an object of its own, as Google and OpenAI send them."""
        lines = LINE.split(text)
        if not is_complete:
            del lines[-1]
        for line in lines:
            data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
            if data and data != "[DONE]":
                yield json.loads(data)
            elif line and not line.startswith((":", "data:", "event:", "id:", "retry:")):
                yield line


def says_gemini(answer: Object) -> bool:
    feedback = answer.get("promptFeedback")
    if "error" in answer or (isinstance(feedback, dict) and feedback.get("blockReason")):
        return True
    return any(map(_candidate_says, objects_in(answer.get("candidates") or [])))


def _candidate_says(candidate: Object) -> bool:
    if not _ends_well(candidate.get("finishReason")):
        return True
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return any(map(_has_contents, objects_in(parts or [])))


def says_openai(answer: Object) -> bool:
    if "error" in answer:
        return True
    return any(map(_choice_says, objects_in(answer.get("choices") or [])))


def _choice_says(choice: Object) -> bool:
    message = choice.get("message") or choice.get("delta") or {}
    if not _ends_well(choice.get("finish_reason")) or not isinstance(message, dict):
        return True
    return bool(choice.get("text")) or _has_contents(message)


def _ends_well(reason: object) -> bool:
    return reason is None or (isinstance(reason, str) and reason in GOOD_ENDS)


def _has_contents(holder: Object) -> bool:
    """An empty string or list is nothing, as null is."""
    return any(value and name not in BESIDE for name, value in holder.items())
