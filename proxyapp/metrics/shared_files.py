"""The counts of a gateway's processes: each has a file that all of them read.

Those of one run, of one supervisor, have its name in theirs. What a worker has counted that died
stays there, and its successor takes it over: within a run a count never goes back. The next run
begins with none, and removes the files.
"""

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from proxyapp.metrics.counts import Counts, add_counts, counts_of, rows_of

logger = logging.getLogger(__name__)
# The variable by which a supervisor names the run for its workers.
RUN = "GATEWAY_RUN"
RUN_NAME = re.compile(r"[0-9a-f-]{1,64}")
PREFIX, COUNTS_SUFFIX, ALIVE_SUFFIX = "metrics.", ".json", ".alive"
LOCK = f"{PREFIX}lock"


def new_run() -> str:
    return f"{os.getpid()}-{os.urandom(6).hex()}"


class Telling(NamedTuple):
    """What one process told. `present`: of now, not to be added up over time."""

    counts: Counts
    present: dict[str, Any]


class SharedFiles:
    """Of one process. All its methods block, and none raises OSError: metrics stop nothing."""

    def __init__(self, folder: Path, run: str = "") -> None:
        """`run`: empty, the process is one by itself."""
        self._root = folder
        self._start = f"{PREFIX}{run if RUN_NAME.fullmatch(run) else new_run()}."
        self._path = folder / f"{self._start}{new_run()}{COUNTS_SUFFIX}"
        self._alive: IO[bytes] | None = None
        self._is_troubled = False

    def open(self) -> Counts:
        """What the dead of this run have counted, which is this process's from now on."""
        inherited: Counts = {}
        try:
            with self._alone(fcntl.LOCK_EX):
                self._remove_other_runs()
                self._alive = _private(self._path.with_suffix(ALIVE_SUFFIX), "wb")
                fcntl.flock(self._alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._take_over(inherited)
        except OSError as error:
            self._tell(error)
        return inherited

    def _remove_other_runs(self) -> None:
        others = [path for path in self._files("") if not path.name.startswith(self._start)]
        living = {_run_of(path) for path in _living(others)}
        for path in others:
            if _run_of(path) not in living and path.name != LOCK:
                path.unlink(missing_ok=True)

    def _files(self, suffix: str, start: str = PREFIX) -> list[Path]:
        return list(self._root.glob(f"{start}*{suffix}"))

    def _take_over(self, inherited: Counts) -> None:
        """Written down before it is removed, while nobody reads."""
        living = set(_living(self._files(ALIVE_SUFFIX, self._start)))
        dead = [path for path in self._files(COUNTS_SUFFIX, self._start) if path not in living]
        for path in dead:
            if (told := _read(path)) is not None:
                add_counts(inherited, told.counts)
        if dead:
            self._replace(Telling(inherited, {}))
        for path in dead:
            path.unlink(missing_ok=True)
        for path in self._files(ALIVE_SUFFIX, self._start):
            if path.with_suffix(COUNTS_SUFFIX) not in living:
                path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self, kind: int) -> Iterator[None]:
        """With the others that read, or all alone."""
        with _private(self._root / LOCK, "ab") as lock:
            fcntl.flock(lock, kind)
            yield

    def write(self, told: Telling) -> None:
        try:
            self._replace(told)
        except OSError as error:
            self._tell(error)

    def _replace(self, told: Telling) -> None:
        text = json.dumps([rows_of(told.counts), told.present])  # `dump` takes five times as long
        new = self._path.with_suffix(".new")
        with _private(new, "wb") as file:
            file.write(text.encode())
        new.replace(self._path)

    def read_others(self) -> tuple[list[Telling], int]:
        """What all others of the run told, the dead ones' without the present; how many live."""
        others, living = list[Telling](), set[Path]()
        try:
            with self._alone(fcntl.LOCK_SH):
                living = set(_living(self._files(ALIVE_SUFFIX, self._start))) - {self._path}
                paths = set(self._files(COUNTS_SUFFIX, self._start)) - {self._path}
                found = {path: _read(path) for path in paths}
                others = [
                    told if path in living else Telling(told.counts, {})
                    for path, told in found.items()
                    if told is not None
                ]
        except OSError as error:
            self._tell(error)
        return others, len(living)

    def close(self) -> None:
        """What it told stays, for those who go on."""
        if self._alive is not None:
            self._alive.close()

    def _tell(self, error: OSError) -> None:
        if not self._is_troubled:
            logger.warning(
                "Metrics cannot be kept in %s (%s): each process tells its own",
                self._root,
                error.strerror,
            )
        self._is_troubled = True


def _private(path: Path, mode: str) -> IO[bytes]:
    """Nobody else's to read, whatever the umask."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def _run_of(path: Path) -> str:
    return path.name.removeprefix(PREFIX).partition(".")[0]


def _living(paths: Iterable[Path]) -> Iterator[Path]:
    """The files of counts of processes that live: they hold locks."""
    for path in paths:
        if path.suffix != ALIVE_SUFFIX:
            continue
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield path.with_suffix(COUNTS_SUFFIX)


def _read(path: Path) -> Telling | None:
    """None: it is damaged, or another version's."""
    try:
        counts, present = json.loads(path.read_bytes())
        return Telling(counts_of(counts), dict(present))
    except (OSError, ValueError, TypeError, AttributeError):
        return None
