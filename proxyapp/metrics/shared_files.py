"""The counts of a gateway's processes: each has a file that all may read.

The processes of one run, those of one supervisor, have a folder. What a worker has counted that
died stays there, and its successor takes it over: within a run a count never goes back. The next
run begins with none, and removes the folder.
"""

import fcntl
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from proxyapp.metrics.counts import Counts, add_counts, counts_of, rows_of

logger = logging.getLogger(__name__)
# The variable by which a supervisor names the run for its workers.
RUN = "GATEWAY_RUN"
RUN_NAME = re.compile(r"[0-9a-f-]{1,64}")
COUNTS_SUFFIX, ALIVE_SUFFIX = ".json", ".alive"


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
        self._run = folder / (run if RUN_NAME.fullmatch(run) else new_run())
        self._path = self._run / f"{new_run()}{COUNTS_SUFFIX}"
        self._alive: IO[bytes] | None = None
        self._is_troubled = False

    def open(self) -> Counts:
        """What the dead of this run have counted, which is this process's from now on."""
        inherited: Counts = {}
        try:
            self._run.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone(fcntl.LOCK_EX):
                self._remove_other_runs()
                self._alive = self._path.with_suffix(ALIVE_SUFFIX).open("wb")
                fcntl.flock(self._alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._take_over(inherited)
        except OSError as error:
            self._tell(error)
        return inherited

    def _remove_other_runs(self) -> None:
        for other in self._root.iterdir():
            if other.is_dir() and other != self._run and not any(_living(other)):
                shutil.rmtree(other, ignore_errors=True)

    def _take_over(self, inherited: Counts) -> None:
        """Written down before it is removed, while nobody reads."""
        living = set(_living(self._run))
        dead = [path for path in self._run.glob(f"*{COUNTS_SUFFIX}") if path not in living]
        for path in dead:
            if (told := _read(path)) is not None:
                add_counts(inherited, told.counts)
        if dead:
            self._replace(Telling(inherited, {}))
        for path in dead:
            path.unlink(missing_ok=True)
        for path in self._run.glob(f"*{ALIVE_SUFFIX}"):
            if path.with_suffix(COUNTS_SUFFIX) not in living:
                path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self, kind: int) -> Iterator[None]:
        """With the others that read, or all alone."""
        with (self._root / "lock").open("ab") as lock:
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
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        new.replace(self._path)

    def read_others(self) -> tuple[list[Telling], int]:
        """What all others of the run told, the dead ones' without the present; how many live."""
        others, living = list[Telling](), set[Path]()
        try:
            with self._alone(fcntl.LOCK_SH):
                living = set(_living(self._run)) - {self._path}
                paths = set(self._run.glob(f"*{COUNTS_SUFFIX}")) - {self._path}
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


def _living(run: Path) -> Iterator[Path]:
    """The files of counts of processes that live: they hold locks."""
    for path in run.glob(f"*{ALIVE_SUFFIX}"):
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
