"""About how many LLM tokens a request and its answer are, where no usage says it: from their bytes.

A client chooses whether an answer has a usage: `fields` leaves it out, `alt=proto` packs it, chat
streams send it on demand only. Its limit must not depend on that.
"""

import re
from collections.abc import Generator, Iterable
from urllib.parse import unquote_plus, unquote_to_bytes

from proxyapp.provider.llm_tokens import LlmTokenCounter
from proxyapp.provider.long_json import finished
from proxyapp.provider.model_readings import has_too_many_parameters
from proxyapp.vocabulary.asgi import Header

BYTES_A_LLM_TOKEN = 4  # of English text; other languages and code take more LLM tokens
# Images, audio and documents in base64: a picture of 1,290 LLM tokens has about 1.5 MB.
DATA_BYTES_A_LLM_TOKEN = 1000
PIECE_BYTES = 64 * 1024
# Twice the longest context in text; what comes after it can only be data.
MOST_TEXT_BYTES = 8 << 20
# Up to there an answer's wrapping is looked for: an event of a chat has ten times the bytes of its
# text.
UNWRAPPED_BYTES = 1 << 20
LONGEST_START = 160

# Inside a JSON string the quotes would be escaped. What begins with one letter is found much faster
# than what first looks back.
DATA_START = re.compile(
    rb'"(?<!\\")(?:data|b64_json|image_url|url|file_data|bytesBase64Encoded|result)"\s{0,9}:\s{0,9}'
    rb'(?:\{\s{0,9}"url"\s{0,9}:\s{0,9})?"(?:data:[\w.+/;=-]{0,80};base64,)?(?=[\w+/=\\-]{32})'
)
_DATA = re.compile(rb"[A-Za-z0-9+/=_\\-]*+")
_WRAPPING = re.compile(
    rb'"(?=[a-z])(?<!\\")(?:(?:id|object|model|modelVersion|responseId|system_fingerprint'
    rb"|service_tier|role|type|finish_?[rR]eason|mime_?[tT]ype|category|probability|created|index"
    rb'|logprobs|refusal|usage)"\s{0,9}:\s{0,9}(?:"[^"\\]{0,80}"|\d+|null)'
    rb'|(?:choices|delta|content|contents|messages|candidates|parts|text|safetyRatings)"\s{0,9}:)'
)
_BRACKETS = b"{}[]\n\r\t"
# What an answer in one piece has: most say their usage, and then nobody asks for its size.
UNREAD_BYTES = 4096

# The ends of paths.
_FREE = (
    b":countTokens",
    b":computeTokens",
    b"/count_tokens",
    b"/input_tokens",
    b":cancel",
    b"/cancel",
)
_EMBEDDING = (b":embedContent", b":batchEmbedContents", b"/embeddings")
_OF_FILES = re.compile(rb"/*upload/+v\w+/+files")
_MASK_HEADER = b"x-goog-fieldmask"
_FREE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


class TextSize:
    """Feed it the pieces of one body. Base64 in its JSON counts by a rate of its own."""

    def __init__(self) -> None:
        self._text = self._data = 0
        self._unread = b""
        self._tail = b""
        self._is_in_data = False

    def feed(self, piece: bytes) -> None:
        self._unread += piece
        if len(self._unread) > UNREAD_BYTES:
            self._read()

    def _read(self) -> None:
        text, place = self._tail + self._unread, 0
        self._unread = b""
        self._tail = b""
        while place < len(text):
            if self._is_in_data:
                data = _DATA.match(text, place)
                end = data.end() if data else place
                self._data += end - place
                self._is_in_data = end == len(text)
                place = end
                continue
            found = DATA_START.search(text, place)
            if found is None:
                kept = max(place, len(text) - LONGEST_START)
                self._count(text[place:kept])
                self._tail = text[kept:]
                return
            self._count(text[place : found.end()])
            place, self._is_in_data = found.end(), True

    def add_data(self, count: int) -> None:
        self._data += count

    def _count(self, text: bytes) -> None:
        is_unwrapped = self._text < UNWRAPPED_BYTES
        self._text += len(_unwrapped(text)) if is_unwrapped else len(text)

    def llm_tokens(self) -> int:
        self._read()
        self._count(self._tail)
        self._tail = b""
        return -(-self._text // BYTES_A_LLM_TOKEN) + -(-self._data // DATA_BYTES_A_LLM_TOKEN)


def _unwrapped(text: bytes) -> bytes:
    """Without names, brackets, commas and indents."""
    bare = _WRAPPING.sub(b"", text).translate(None, _BRACKETS)
    for between in (b"  ", b'","', b'", "', b"data:"):
        bare = bare.replace(between, b"")
    return bare


class MeasuringCounter(LlmTokenCounter):
    """Counts an answer's bytes besides, also those that it cannot read."""

    def __init__(self, encoding: bytes = b"") -> None:
        super().__init__(encoding)
        self.size = TextSize()

    def feed(self, chunk: bytes) -> None:
        if not self._is_readable:
            self.size.feed(chunk)
        super().feed(chunk)

    def _scan(self, chunk: bytes) -> None:
        self.size.feed(chunk)
        super()._scan(chunk)


def estimated_of_request(body: bytes) -> int:
    pieces = (body[start : start + PIECE_BYTES] for start in range(0, len(body), PIECE_BYTES))
    return finished(estimating(pieces, len(body)))


def estimating(pieces: Iterable[bytes], length: int) -> Generator[None, None, int]:
    """A step a piece of a request's body. Of a long one the start is looked at."""
    size, left = TextSize(), length
    for piece in pieces:
        if length - left >= MOST_TEXT_BYTES:
            break
        size.feed(piece)
        left -= len(piece)
        yield
    size.add_data(left)
    return size.llm_tokens()


def costs_llm_tokens(method: str, path: bytes, *, has_body: bool) -> bool:
    """Lists, files and what only counts do not. `path`: as the client wrote it."""
    if method in _FREE_METHODS and not has_body:
        return False
    plain = unquote_to_bytes(path)
    end = plain.rstrip(b"/")
    is_free = end.endswith(_FREE) and b"#" not in plain and b";" not in plain
    return not is_free and _OF_FILES.fullmatch(end) is None


def is_embedding(path: bytes) -> bool:
    """Its answer is numbers, which cost nothing."""
    return unquote_to_bytes(path).rstrip(b"/").endswith(_EMBEDDING)


def has_field_mask(query: bytes, headers: list[Header]) -> bool:
    """Whether the client asks for a part of the answer, and so maybe of its usage."""
    if any(
        len(name) == len(_MASK_HEADER) and name.lower().replace(b"_", b"-") == _MASK_HEADER
        for name, _ in headers
    ):
        return True
    if has_too_many_parameters(query):
        return True
    if b"%" not in query and b"fields" not in query.lower():
        return False
    names = (part.partition("=")[0] for part in re.split("[&;]", query.decode("latin-1")))
    return any(unquote_plus(name).lower().lstrip("$") == "fields" for name in names)
