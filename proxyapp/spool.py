"""What could not be written to the database waits here, one JSON line each, until the database is back.

Each process appends to a file of its own and holds a lock on it; a file without a lock was left by a process that
died, and the next one to look takes it over.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from proxyapp.clientusage import ClientCounts, ClientPlace
from proxyapp.events import Cooldown
from proxyapp.usage import Answers, Counts, Minute, Place, Tally


class Spool:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None
        self._path = folder / f"{os.getpid()}-{os.urandom(4).hex()}.jsonl"

    def add_cooldowns(self, cooldowns: list[Cooldown]) -> None:
        self._append({"cooldowns": [_cooldown_row(cooldown) for cooldown in cooldowns]})

    def add_usage(self, tally: Tally) -> None:
        counts = [[*place, asdict(count)] for place, count in tally.counts.items()]
        minutes = [[number, asdict(minute)] for number, minute in tally.minutes.items()]
        clients = [[*place, asdict(count)] for place, count in tally.clients.counts.items()]
        record = {"usage": counts, "minutes": minutes, "last_used": list(tally.last_used.items())}
        self._append(record | {"clients": clients, "clients_used": list(tally.clients.last_used.items())})

    def _append(self, record: dict[str, Any]) -> None:
        """On disk when it returns."""
        if self._file is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "a+")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def take(self) -> "Iterator[Spooled]":
        """The files that are this process's or nobody's. `Spooled.remove` them once they are in the database."""
        own, self._file = self._file, None
        if own is not None:
            yield Spooled(self._path, own)
        if not self._folder.exists():
            return
        for path in sorted(self._folder.glob("*.jsonl")):
            file = _locked(path)
            if file is not None:
                yield Spooled(path, file)


class Spooled:
    """One file of the spool, locked."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path = path
        self._file = file

    def read(self) -> tuple[list[Cooldown], Tally]:
        """A last line that a crash cut off is left out."""
        cooldowns: list[Cooldown] = []
        tally = Tally()
        for record in self._records():
            cooldowns += [_cooldown(row) for row in record.get("cooldowns", [])]
            tally.merge(_tally(record))
        return cooldowns, tally

    def _records(self) -> Iterator[dict[str, Any]]:
        self._file.seek(0)
        for line in self._file:
            try:
                yield json.loads(line)
            except ValueError:
                return

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
        self._file.close()

    def keep(self) -> None:
        """Leaves it for the next time."""
        self._file.close()


def _locked(path: Path) -> IO[str] | None:
    """The open file under a lock; None when another process holds it or has removed it."""
    try:
        file = path.open("r+")
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


def _cooldown_row(cooldown: Cooldown) -> dict[str, Any]:
    row = asdict(cooldown)
    return row | {"occurred_at": cooldown.occurred_at.isoformat(), "until": cooldown.until.isoformat()}


def _cooldown(row: dict[str, Any]) -> Cooldown:
    times = {name: datetime.fromisoformat(row[name]) for name in ("occurred_at", "until")}
    return Cooldown(**{**row, **times})


def _tally(record: dict[str, Any]) -> Tally:
    """Also of records that know no minutes or no clients: those of an older version of the gateway."""
    tally = Tally()
    for key_id, model, hour, counts in record.get("usage", []):
        tally.counts[Place(key_id, model, hour)] = Counts(**counts)
    for number, minute in record.get("minutes", []):
        tally.minutes[number] = Minute(Counts(**minute["attempts"]), Answers(**minute["answers"]))
    tally.last_used = dict(record.get("last_used", []))
    for token_id, day, model, counts in record.get("clients", []):
        tally.clients.counts[ClientPlace(token_id, day, model)] = ClientCounts(**counts)
    tally.clients.last_used = dict(record.get("clients_used", []))
    return tally
