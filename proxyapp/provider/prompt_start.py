"""What a conversation is known by: the id that its client names, or what its prompt begins with.

No body is parsed. The names of members are looked for near both ends, since what is added to a
conversation stands between these; of what is found so much is read as tells prompts apart. Inside
a JSON string the quotes would be escaped, so these bytes stand for real keys. Who writes what
misleads this does it to that conversation alone.
"""

import re
from typing import NamedTuple

from proxyapp.provider.json_strings import end_of_string
from proxyapp.vocabulary.remembered import remembered

# What is read of a body's start: as much as `RequestBody.searchable` has of one on disk.
START_BYTES = 64 * 1024
# Most members of a body's beginning are within so much.
BEGINNING_BYTES = 1024
# How far from an end the members beside the contents are looked for.
MARGIN_BYTES = 16 * 1024
# So many strings and brackets of a value are looked at, and so much of a string that is full of
# escaped quotes.
CONTENT_STEPS, BESIDE_STEPS = 40, 10
DENSE_BYTES = 4 * 1024
# Messages of the system before the first one of a user.
MOST_ELEMENTS = 4
# Parameters of tools that are called as the contents are: those are objects.
MOST_NAMES = 64
MOST_FROM_END = 256
LONGEST_ID = 1024
SAMPLE_BYTES, SAMPLES, ENDS_BYTES = 64, 6, 512
QUOTE, OPEN_LIST = b'"['
ROLE = b'"role"'
_CONTENTS = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*(?=["\[])')
_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*(?=["\[{])')
_NO_BRACKETS = bytes(code for code in range(0x100) if code not in b"[]{}")
_OF_SYSTEM = frozenset((b"system", b"developer"))


class PromptNames(NamedTuple):
    """How an API calls its members. `ids`: of the conversation, or its user, the best first."""

    contents: bytes
    system: tuple[bytes, ...] = ()
    ids: tuple[bytes, ...] = ()


_TOOLS = (b'"tools"',)
_OPENAIS = (b'"prompt_cache_key"', b'"user"')
_SYSTEM = (b'"systemInstruction"', b'"system_instruction"')
_NAMES = (
    (
        re.compile(rb":(?:generateContent|streamGenerateContent)$"),
        PromptNames(b'"contents"', _SYSTEM),
    ),
    (re.compile(rb"/chat/completions$"), PromptNames(b'"messages"', (), _OPENAIS)),
    (re.compile(rb"/completions$"), PromptNames(b'"prompt"', (), _OPENAIS)),
    (re.compile(rb"/responses$"), PromptNames(b'"input"', (b'"instructions"',), _OPENAIS)),
    (re.compile(rb"/messages$"), PromptNames(b'"messages"', (b'"system"',))),
    (re.compile(rb"/interactions$"), PromptNames(b'"input"', _SYSTEM)),
)


@remembered
def prompt_names(path: bytes) -> PromptNames | None:
    """None: what is asked there has no prompt, or none that a cache keeps."""
    return next((names for pattern, names in _NAMES if pattern.search(path)), None)


def named_id(text: bytes, names: PromptNames) -> bytes:
    """What the client calls the conversation, or its user; empty: it does not say."""
    if not names.ids:
        return b""
    contents = _contents(text, names.contents, min(len(text), START_BYTES))
    for name in names.ids:
        start = _beside(text, name, contents)
        if start >= 0 and text[start] == QUOTE:
            limit = min(len(text), start + LONGEST_ID)
            return text[start + 1 : abs(end_of_string(text, start + 1, limit))]
    return b""


def prompt_start(text: bytes, names: PromptNames, *, is_whole: bool = True) -> list[bytes]:
    """Of the system instruction, the tools and the first content what tells them from others.

    It is the same however many turns follow. Empty: no content was found. Not whole: of the body
    the text has its two ends.
    """
    reach = len(text) if is_whole else START_BYTES
    contents = _contents(text, names.contents, reach)
    if contents < 0:
        return []
    reader = _Reader(text, reach)
    end = reader.end_of_contents(contents)
    if end <= contents + 1:
        return []
    found = [_sample(text, contents, end)]
    for forms in (names.system, _TOOLS):
        starts = (_beside(text, name, contents) for name in forms)
        start = next((each for each in starts if each >= 0), -1)
        found.append(_sample(text, start, reader.end_of_value(start)) if start >= 0 else b"")
    return found


def _contents(text: bytes, name: bytes, reach: int) -> int:
    """Where the first of that name begins; most bodies begin with it. -1: nowhere."""
    place = text.find(name, 0, BEGINNING_BYTES)
    if place < 0:
        place = _first(text, name, 0, reach)
    for _ in range(MOST_NAMES):
        if place < 0:
            break
        if value := _CONTENTS.match(text, place + len(name)):
            return value.end()
        place = text.find(name, place + 1, reach)
    return -1


def _first(text: bytes, name: bytes, start: int, end: int) -> int:
    """Where it is first, looked for from the end, unless it is everywhere: that takes a fifth."""
    place = end
    for _ in range(MOST_FROM_END):
        at = text.rfind(name, start, place)
        if at < 0:
            return place if place < end else -1
        place = at
    return text.find(name, start, end)


def _beside(text: bytes, name: bytes, contents: int) -> int:
    """Where the value of a member before or after the contents begins; -1: there is none."""
    before = MARGIN_BYTES if contents < 0 else min(contents, MARGIN_BYTES)
    place = text.find(name, 0, min(before, BEGINNING_BYTES))
    if place < 0:
        place = text.rfind(name, 0, before)
    if place < 0:
        place = text.rfind(name, max(contents, len(text) - MARGIN_BYTES))
    value = _VALUE.match(text, place + len(name)) if place >= 0 else None
    return value.end() if value else -1


def _sample(text: bytes, start: int, end: int) -> bytes:
    """All of what is short; of the rest its length, both ends, and pieces between."""
    if end - start <= 2 * ENDS_BYTES:
        return text[start:end]
    step = (end - start) // (SAMPLES + 1)
    between = [text[at : at + SAMPLE_BYTES] for at in range(start + step, end - step, step)]
    parts = (text[start : start + ENDS_BYTES], *between, text[end - ENDS_BYTES : end])
    return b"%d:%s" % (end - start, b"".join(parts))


class _Reader:
    """Reads values, and nothing that follows them. `reach`: up to where the text is the body's."""

    def __init__(self, text: bytes, reach: int) -> None:
        self._text = text
        self._reach = reach

    def end_of_contents(self, start: int) -> int:
        """Of those that say who speaks: of the first that is not the system's."""
        if self._text[start] == OPEN_LIST:
            return self.end_of_value(start + 1, CONTENT_STEPS, MOST_ELEMENTS)
        return self.end_of_value(start, CONTENT_STEPS)

    def end_of_value(self, start: int, steps: int = BESIDE_STEPS, elements: int = 1) -> int:
        """Behind its last string, as far as it is read. `elements`: of a list, of which the first
        may be messages of the system's.
        """
        text, depth, end, is_of_system = self._text, 0, start, False
        limit = self._limit(start)
        while steps > 0 and (quote := text.find(b'"', end, limit)) >= 0:
            for bracket in text[end:quote].translate(None, _NO_BRACKETS)[:steps]:
                depth += 1 if bracket in b"[{" else -1
                steps -= 1
                if depth < 1:
                    elements -= 1
                    if depth < 0 or not elements or not is_of_system:
                        return end
                    is_of_system = False
            if is_of_system:
                end = end_of_string(text, quote + 1, self._reach, 0)
                if end < 0 and (role := self._next_role(-end)) >= 0:
                    end, limit, depth, is_of_system = role, self._reach, 1, False
                    continue
                limit = self._reach if end > limit else limit
            if not is_of_system or end < 0:
                end = end_of_string(text, quote + 1, limit, DENSE_BYTES)
            if depth == 0 or end < 0:
                return end if end >= 0 else -end
            if depth == 1 and elements > 1 and end - quote < 11:
                is_of_system |= text[quote + 1 : end] in _OF_SYSTEM
            end += 1
            steps -= 1
        return end

    def _next_role(self, start: int) -> int:
        """Where the next message says whose it is; most messages are short."""
        near = min(start + DENSE_BYTES, self._reach)
        role = self._text.find(ROLE, start, near)
        return role if role >= 0 else _first(self._text, ROLE, near - len(ROLE), self._reach)

    def _limit(self, start: int) -> int:
        """Up to where what begins there is read, whether or not the body is whole."""
        if start < START_BYTES:
            return min(START_BYTES, self._reach)
        return self._reach if start < self._reach else len(self._text)
