"""What could not be written to the database waits here, until that is back: a JSON line each.

Each process appends to files of its own and holds locks on them; a file without a lock was left by
a process that died, and the next one to look takes it over. When the disk takes nothing either, the
lines wait in memory.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from proxyapp.ledger.spool_marks import Mark
from proxyapp.ledger.spool_records import encoded_record

logger = logging.getLogger(__name__)
SUFFIX = ".jsonl"
BAD_SUFFIX = ".bad"
# Drawn at random: with four, two of 10,000 processes had one name in one case of a hundred.
NAME_BYTES = 8
# When the disk is full, too. Usage is a record each FLUSH_SECONDS: that is two hours of it.
MOST_IN_MEMORY = 10_000


class Segment:
    """One file of the spool, locked, and the lines that the disk has not taken."""

    def __init__(self, path: Path, file: IO[bytes] | None = None) -> None:
        self.path = path
        self.unsaved: list[bytes] = []
        self.is_empty = file is None
        self._file = file

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(SUFFIX)

    def lines(self) -> list[bytes]:
        saved = []
        if self._file is not None:
            self._file.seek(0)
            saved = self._file.readlines()
        return saved + self.unsaved

    def save(self) -> None:
        """On disk when it returns. Raises OSError; then it leaves no half a line behind."""
        file = self._opened()
        before = os.fstat(file.fileno()).st_size
        try:
            _write_all(file.fileno(), b"".join(self.unsaved))
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), before)
            raise
        self.unsaved.clear()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "rb+", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._file

    def remove(self, bad: list[bytes]) -> None:
        """Once it is in the database; `bad` lines are kept beside it.

        Raises OSError, and can be done again then.
        """
        if bad:
            # A name of its own, for SpoolMark too.
            aside = self.path.with_name(f"{self.name}-kept{BAD_SUFFIX}")
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(bad)
                file.flush()
                os.fsync(descriptor)
            logger.error(
                "%d lines of the spool cannot be written: they are kept in %s", len(bad), aside
            )
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Spool:
    """One process's things of one kind. `stem`: how the names of its files begin.

    What is kept goes to the last segment, what is written comes from the first.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        # In containers all processes have one number, and marks stand together for 90 days.
        self.stem = f"{os.getpid()}-{os.urandom(NAME_BYTES).hex()}-{kind}"
        self._opened = self._number = self._dropped = 0
        self._segments = [self._new_segment()]
        self.problem = ""

    def _new_segment(self) -> Segment:
        self._opened += 1
        return Segment(self.folder / f"{self.stem}-{self._opened}{SUFFIX}")

    @property
    def is_waiting(self) -> bool:
        return not all(segment.is_empty for segment in self._segments)

    @property
    def in_memory(self) -> int:
        return sum(len(segment.unsaved) for segment in self._segments)

    def next_mark(self) -> Mark:
        self._number += 1
        return Mark(self._segments[-1].name, self._number)

    def keep(self, mark: Mark, record: dict[str, Any]) -> None:
        """On disk when it returns, or else in memory."""
        segment = self._segments[-1]
        segment.is_empty = False
        segment.unsaved.append(encoded_record(mark.number, record))
        if len(segment.unsaved) > MOST_IN_MEMORY:
            del segment.unsaved[0]
            self._dropped += 1
        self.save()

    def save(self) -> None:
        """Saves what waits in memory; says once that the disk takes nothing or takes it again."""
        try:
            for segment in self._segments:
                if segment.unsaved:
                    segment.save()
        except OSError as error:
            if not self.problem:
                logger.error(
                    "The spool of %s cannot be written (%s): kept in memory",
                    self.kind,
                    error.strerror,
                )
            self.problem = error.strerror or type(error).__name__
            return
        if self.problem:
            logger.warning(
                "The spool of %s can be written again; %d records were lost",
                self.kind,
                self._dropped,
            )
            self.problem = ""

    def oldest(self) -> Segment | None:
        """The one to write now: from now on nothing is added to it."""
        if not self.is_waiting:
            return None
        if len(self._segments) == 1:
            self._segments.append(self._new_segment())
        return self._segments[0]

    def done(self, segment: Segment, bad: list[bytes]) -> None:
        segment.remove(bad)
        self._segments.remove(segment)


def left_behind(folder: Path) -> Iterator[Segment]:
    """The files of processes that have died. Each is locked until it is removed or closed."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        file = _locked(path)
        if file is not None:
            yield Segment(path, file)


def count_lines(folder: Path) -> int:
    """What waits on disk, of all processes."""
    return sum(_count(path) for path in folder.glob(f"*{SUFFIX}"))


def _count(path: Path) -> int:
    """A file may be gone by now."""
    try:
        return path.read_bytes().count(b"\n")
    except OSError:
        return 0


def unreadable(folder: Path) -> list[str]:
    """The names of files that an operator has to look at."""
    bad = [path.name for path in folder.glob(f"*{BAD_SUFFIX}")]
    return sorted(
        bad
        + [
            path.name
            for path in folder.glob(f"*{SUFFIX}")
            if not os.access(path, os.R_OK | os.W_OK)
        ]
    )


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _locked(path: Path) -> IO[bytes] | None:
    """The open file under a lock; None when another process holds it or has removed it."""
    try:
        file = path.open("rb+")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    if os.fstat(file.fileno()).st_nlink == 0:
        file.close()
        return None
    return file
