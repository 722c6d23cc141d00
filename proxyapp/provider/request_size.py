"""How many LLM tokens a request's body is at least about, without a full parse.

A prompt that is larger than a minute's quota is refused by every key, and always will be: comparing
its size with the limit that a refusal names tells so after one refusal.
"""

import re
from collections.abc import Generator, Iterable

# The longest context, a million LLM tokens, in letters of two bytes; more is inline data.
MOST_BYTES = 8 << 20
CHARACTERS_A_LLM_TOKEN = 4  # of English text; other languages and code take fewer
LEAST_DATA_BYTES = 256
# The longest start of inline data, and what tells that it is some.
OVERLAP_BYTES = 100 + LEAST_DATA_BYTES
# Images, audio and documents cost tokens by their own rates, not by their bytes.
INLINE_START = re.compile(
    rb'"(?:data|b64_json|image_url|url|file_data|bytesBase64Encoded)"\s{0,9}:\s{0,9}'
    rb'(?:\{\s{0,9}"url"\s{0,9}:\s{0,9})?"(?=[^"\\]{%d})' % LEAST_DATA_BYTES
)
INLINE = re.compile(rb'[^"\\]*+"?')
ESCAPE = re.compile(rb"\\u[0-9a-fA-F]{4}")
SPACES = re.compile(rb"[ \t\r\n]{2,}")


class LeastSize:
    """Feed it the pieces of one body."""

    def __init__(self) -> None:
        self._characters = 0
        self._tail = b""
        self._is_in_data = False

    def feed(self, piece: bytes) -> None:
        text, place = self._tail + piece, 0
        while True:
            if self._is_in_data:
                inline = INLINE.match(text, place)
                place = inline.end() if inline else place
                self._is_in_data = place == len(text) and not text.endswith(b'"')
            found = INLINE_START.search(text, place)
            if found is None:
                break
            self._count(text[place : found.start()])
            place, self._is_in_data = found.end(), True
        end = max(place, len(text) - OVERLAP_BYTES)
        self._count(text[place:end])
        self._tail = text[end:]

    def llm_tokens(self) -> int:
        self._count(self._tail)
        self._tail = b""
        return self._characters // CHARACTERS_A_LLM_TOKEN

    def _count(self, text: bytes) -> None:
        """JSON's escapes are a letter each; white space, which indents, is one."""
        plain = ESCAPE.sub(b"?", text)
        if b"  " in plain or b"\n" in plain or b"\t" in plain or b"\r" in plain:
            plain = SPACES.sub(b" ", plain)
        self._characters += len(plain.decode("utf-8", "ignore"))


def estimated_llm_tokens(body: bytes) -> int:
    """Without inline data; of a body that is longer than any prompt nothing is known: 0."""
    if len(body) > MOST_BYTES:
        return 0
    size = LeastSize()
    size.feed(body)
    return size.llm_tokens()


def sizing(pieces: Iterable[bytes]) -> Generator[None, None, int]:
    """The same of a long body: a step a piece."""
    size = LeastSize()
    for piece in pieces:
        size.feed(piece)
        yield
    return size.llm_tokens()
