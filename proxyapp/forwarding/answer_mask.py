"""The key in an answer's body, masked while the body passes."""

from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import quote

from proxyapp.provider.codings import Inflater
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.key_masker import KeyMasker, begun

# Text does not grow more. What does is no error that a program wrote.
MOST_GROWTH: Final = 100
ALWAYS_READ_BYTES: Final = 8 << 20
# Shorter ones may be words of an answer: a server of one's own takes `ollama` for a key.
SHORTEST_IN_SUCCESS: Final = 16
# An event that ends a stream which began well. In what a model writes the quotes are escaped.
ERROR: Final = b'"error"'


class UnreadableRest(Exception):
    """What comes of a packed body cannot be looked through."""


class AnswerMask(Protocol):
    def pieces(self, chunks: list[bytes], *, is_complete: bool) -> list[bytes]:
        """What of a body may pass, none of it empty. `is_complete`: nothing comes after it."""
        ...

    def rest(self) -> bytes:
        """What was held back of a body that is read no further."""
        ...


class TextMask:
    """Of an error that is not packed."""

    def __init__(self, masker: KeyMasker) -> None:
        self._masker = masker

    def pieces(self, chunks: list[bytes], *, is_complete: bool) -> list[bytes]:
        passed = [self._masker.feed(chunk) for chunk in chunks]
        if is_complete:
            passed.append(self._masker.finish())
        return [piece for piece in passed if piece]

    def rest(self) -> bytes:
        return self._masker.finish()

    @property
    def is_holding(self) -> bool:
        return self._masker.is_holding


class InflatingMask(TextMask):
    """Of a packed error, which passes unpacked."""

    def __init__(self, masker: KeyMasker, coding: bytes) -> None:
        super().__init__(masker)
        self._inflater = Inflater(coding, ALWAYS_READ_BYTES, MOST_GROWTH)

    def pieces(self, chunks: list[bytes], *, is_complete: bool) -> list[bytes]:
        """Raises UnreadableRest."""
        inflater = self._inflater
        if chunks and inflater.has_ended:
            raise UnreadableRest("more than its coding says, or than is looked through")
        texts = [text for chunk in chunks for text in inflater.feed(chunk)]
        if inflater.is_broken:
            raise UnreadableRest("its coding is broken")
        return super().pieces(texts, is_complete=is_complete)


class SuccessMask:
    """Of a success: looked at closely only where the key or an error is, or may begin."""

    def __init__(self, secret: str, masked: str, headers: list[Header]) -> None:
        self._secret = secret.encode()
        # As links have it that repeat the request's query.
        self._quoted = _in_links(secret)
        self._text, self._masked = secret, masked
        self._headers = headers
        self._end = b""
        self._has_error = False
        self._mask: TextMask | None = None

    def pieces(self, chunks: list[bytes], *, is_complete: bool) -> list[bytes]:
        if self._mask is None and not self._is_suspect(chunks, is_complete=is_complete):
            return chunks
        mask = self._mask = self._mask or self._text_mask()
        passed = mask.pieces(chunks, is_complete=is_complete)
        self._has_error = self._has_error or self._shows_error(chunks)
        if not self._has_error and not mask.is_holding:
            self._mask = None
        return passed

    def rest(self) -> bytes:
        return self._mask.rest() if self._mask is not None else b""

    def _is_suspect(self, chunks: list[bytes], *, is_complete: bool) -> bool:
        secret, quoted = self._secret, self._quoted
        for chunk in chunks:
            if chunk.find(ERROR) >= 0 or chunk.find(secret) >= 0:
                return True
            if quoted and chunk.find(quoted) >= 0:
                return True
            if not is_complete or len(chunks) > 1:
                if self._end and ERROR in self._end + chunk[: len(ERROR)]:
                    return True
                self._end = chunk[-len(ERROR) :]
                if begun(chunk, len(chunk), secret) < len(chunk):
                    return True
                if quoted and begun(chunk, len(chunk), quoted) < len(chunk):
                    return True
        return False

    def _shows_error(self, chunks: list[bytes]) -> bool:
        text = b"".join((self._end, *chunks))
        self._end = text[-len(ERROR) :]
        return ERROR in text

    def _text_mask(self) -> TextMask:
        is_sized = any(name.lower() == b"content-length" for name, _ in self._headers)
        return TextMask(KeyMasker(self._text, self._masked, keeps_length=is_sized))


@lru_cache(maxsize=1024)
def _in_links(secret: str) -> bytes:
    """Empty where it is written as it is."""
    quoted = quote(secret, safe="")
    return b"" if quoted == secret else quoted.encode()


def mask_of_success(secret: str, masked: str, headers: list[Header]) -> SuccessMask | None:
    """`headers`: the answer's. With a length of the body among them that stays."""
    return SuccessMask(secret, masked, headers) if len(secret) >= SHORTEST_IN_SUCCESS else None
