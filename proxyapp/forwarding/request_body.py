"""A client's request body, whole, so that it can be sent again with another key."""

import mmap
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, NamedTuple

import httpx
from django.conf import settings
from mypy_extensions import mypyc_attr

from proxyapp.forwarding import body_file
from proxyapp.forwarding.patched_file import PatchedFile
from proxyapp.provider.form_model import FormModels
from proxyapp.provider.long_json import LongJson
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import BodyTooLarge
from proxyapp.vocabulary.sliced import Sliced

# As much is parsed at once: four milliseconds of small values, 0.2 of text. More is read in steps.
SHORT_BYTES = 64 * 1024
# As much as is parsed to find the model (PARSED_BYTES); of more, what stands beside the contents.
SEARCHED_WHOLE_BYTES = 1 << 20
SEARCHED_END_BYTES = 64 * 1024
# What the slowest regular expression looks at in a few milliseconds.
PIECE_BYTES = 32 * 1024


class BodyLimits(NamedTuple):
    """In bytes."""

    body: int
    memory: int

    @classmethod
    def of_settings(cls) -> "BodyLimits":
        return cls(settings.MAX_BODY_BYTES, settings.MAX_MEMORY_BODY_BYTES)


@mypyc_attr(allow_interpreted_subclasses=True)
class RequestBody:
    """In memory up to `Limits.memory`, in a temporary file beyond.

    `length` None: the request has no body. What was read of a long one (long_bodies) stays with it.
    `is_spent`: it cannot be sent once more.
    """

    is_spent: bool = False
    said: LongJson | None = None
    form: FormModels | None = None
    model: str | None = None
    references: tuple[str, ...] | None = None
    prompt_llm_tokens: int | None = None
    least_llm_tokens: int | None = None
    input_llm_tokens: int | None = None

    def __init__(
        self,
        data: bytes = b"",
        file: IO[bytes] | PatchedFile | None = None,
        length: int | None = None,
    ) -> None:
        self.data = data
        self.length = length
        self._file = file

    @property
    def arrived(self) -> int:
        """So many bytes of it."""
        return self.length or 0

    @property
    def is_on_disk(self) -> bool:
        return self._file is not None

    def to_send(self) -> bytes | httpx.AsyncByteStream:
        """The body from its start; one stream at a time."""
        return self.data if self._file is None else body_file.FileStream(self._file)

    def searchable(self) -> bytes:
        """The body, or of a long one its two ends, a line each.

        Clients name the model first or last.
        """
        if self._file is None and len(self.data) <= SEARCHED_WHOLE_BYTES:
            return self.data
        start_of_end = max(SEARCHED_END_BYTES, (self.length or 0) - SEARCHED_END_BYTES)
        return self._part(0) + b"\n" + self._part(start_of_end)

    def sliced(self) -> Sliced:
        """To be read in parts, a file of any length in place."""
        return self._file.text if isinstance(self._file, PatchedFile) else self.whole()

    def whole(self) -> bytes | mmap.mmap:
        """For regular expressions, which read a file of any length in place."""
        if self._file is None:
            return self.data
        if isinstance(self._file, PatchedFile):
            return self._file.text[:]
        with body_file.disk_errors_explained():
            return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def pieces(self) -> Iterator[bytes]:
        whole = self.sliced()
        for start in range(0, len(whole), PIECE_BYTES):
            yield whole[start : start + PIECE_BYTES]

    def _part(self, start: int) -> bytes:
        if self._file is None:
            return self.data[start : start + SEARCHED_END_BYTES]
        with body_file.disk_errors_explained():
            self._file.seek(start)
            return self._file.read(SEARCHED_END_BYTES)

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # of a network's disk, say: the body is done with
                self._file.close()


def refuse_declared_length(headers: list[Header], limit: int) -> bool:
    """Whether the headers announce a body.

    Raises BodyTooLarge before a byte of a too large one is read.
    """
    announced = False
    for name, value in headers:
        if name == b"transfer-encoding":
            announced = True
        elif name == b"content-length":
            announced = True
            if value.isdigit() and int(value) > limit:
                raise too_large(limit)
    return announced


def whole_body(data: bytes | None, headers: list[Header], limits: BodyLimits) -> RequestBody | None:
    """Of what is here already; None: it is not. Raises BodyTooLarge."""
    if data is None:
        return None
    is_announced = refuse_declared_length(headers, limits.body)
    if len(data) > limits.body:
        raise too_large(limits.body)
    return RequestBody(data, length=len(data) if is_announced or data else None)


def too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is larger than {limit} bytes (MAX_BODY_BYTES).")
