"""A request body on disk, and what it means when the disk does not take it or give it back."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import FileIO
from typing import IO

import httpx
from django.conf import settings

from proxyapp.forwarding.patched_file import PatchedFile
from proxyapp.vocabulary import temporary_space
from proxyapp.vocabulary.errors import BodyNotKept, NoRoomForBody

READ_BYTES = 256 * 1024
logger = logging.getLogger(__name__)
# A full disk refuses every long body: a line for each would fill what is left of it.
SAY_SECONDS = 60.0
# Room comes back when the bodies before have been sent, or when an operator makes some.
RETRY_SECONDS = 10
# For /readyz: a disk may hang.
LOOK_SECONDS = 2.0


class Refusals:
    """What this process says of the bodies that it could not keep: a line a minute, and the end."""

    def __init__(self) -> None:
        self._said_at = -SAY_SECONDS
        self._unsaid = 0
        self.is_over = True

    def add(self, error: OSError, status: int) -> None:
        self.is_over = False
        self._unsaid += 1
        if (now := time.monotonic()) - self._said_at < SAY_SECONDS:
            return
        logger.error(
            "%d request bodies could not be kept in %s (%s), the last was answered with %d: %s",
            self._unsaid,
            settings.TMPDIR,
            temporary_space.reason(error),
            status,
            temporary_space.remedy(error),
        )
        self._said_at, self._unsaid = now, 0

    def end(self) -> None:
        self.is_over = True
        logger.warning("Request bodies are kept in %s again", settings.TMPDIR)


_refusals = Refusals()


@contextmanager
def disk_errors_explained() -> Iterator[None]:
    """Raises BodyNotKept for an OSError."""
    try:
        yield
    except OSError as error:
        kind = NoRoomForBody if temporary_space.is_no_room(error) else BodyNotKept
        _refusals.add(error, kind.status)
        raise kind(
            f"The gateway cannot keep the request body ({temporary_space.reason(error)}): for now"
            f" only bodies of at most {settings.MAX_MEMORY_BODY_BYTES} bytes are taken.",
            retry_after=RETRY_SECONDS,
            is_sent=False,
        ) from None


def append(file: FileIO | None, parts: list[bytes]) -> FileIO:
    """The file, opened if there is none yet. Raises BodyNotKept; then it is closed."""
    with disk_errors_explained():
        file = file or temporary_space.open_unnamed(settings.TMPDIR)
        try:
            temporary_space.write_all(file, b"".join(parts))
        except OSError:
            file.close()
            raise
    return file


def note_kept() -> None:
    """A whole body is on disk."""
    if not _refusals.is_over:
        _refusals.end()


async def shortage() -> str:
    """For /readyz, which strangers read: no path. Empty: there is room."""
    look = asyncio.to_thread(temporary_space.shortage, settings.TMPDIR, settings.MAX_BODY_BYTES)
    try:
        trouble, _ = await asyncio.wait_for(look, LOOK_SECONDS)
    except TimeoutError:
        trouble = "it does not answer"
    return f"temporary space for request bodies (TMPDIR): {trouble}" if trouble else ""


class FileStream(httpx.AsyncByteStream):
    def __init__(self, file: IO[bytes] | PatchedFile) -> None:
        self._file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._file.seek(0)
        while chunk := self._read():
            yield chunk

    def _read(self) -> bytes:
        with disk_errors_explained():
            return self._file.read(READ_BYTES)
