"""What a PostgreSQL had to do for the processes that are connected to one of its databases."""

import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from bench.idle import cpu_seconds
from bench.process import tree
from bench.statement_log import StatementLog

SAMPLE_SECONDS = 0.05
BYTES = re.compile(r"bytes_(?:sent|received):(\d+)")
LOCKING = (b"FOR UPDATE", b"UPDATE ", b"INSERT ", b"DELETE ", b"advisory")
WRITTEN = "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = %s"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


class DatabaseCost(NamedTuple):
    """`figures`: by the second, by name."""

    seconds: float
    figures: Mapping[str, float]


class _Counted(NamedTuple):
    at: float
    log: int
    rows: int
    wal_kb: float
    wire_kb: float
    cpu_ms: float


class DatabaseCounters:
    """Of the database of `url`, with a connection of its own."""

    def __init__(self, log: StatementLog, url: str) -> None:
        self._log = log
        self._name = url.rpartition("/")[2]
        self._port = psycopg.conninfo.conninfo_to_dict(url)["port"]
        # The name of another database: what this asks is not counted.
        self._own = psycopg.connect(f"{url.rpartition('/')[0]}/postgres", autocommit=True)
        parent = Path(f"/proc/{self._own.info.backend_pid}/stat").read_text().rpartition(")")[2]
        self._server = int(parent.split()[1])

    def __enter__(self) -> "DatabaseCounters":
        return self

    def __exit__(self, *_: object) -> None:
        self._own.close()

    def during(self, seconds: float) -> DatabaseCost:
        samples: list[int] = []
        over = threading.Event()
        sampling = threading.Thread(target=self._sample, args=(samples, over))
        before = self._count()
        sampling.start()
        time.sleep(seconds)
        over.set()
        sampling.join()
        after = self._count()
        lasted = after.at - before.at
        statements = self._log.texts(self._name, before.log, after.log)
        sums = {
            "statements": len(statements),
            "transactions": sum(b"COMMIT" in each for each in statements),
            "with row locks": sum(any(word in each for word in LOCKING) for each in statements),
            "rows written": after.rows - before.rows,
            "KB on the wire": after.wire_kb - before.wire_kb,
            "KB of WAL": after.wal_kb - before.wal_kb,
            "server's CPU ms": after.cpu_ms - before.cpu_ms,
        }
        figures = {name: each / lasted for name, each in sums.items()}
        figures["waiting for a lock"] = sum(samples) / max(len(samples), 1)
        return DatabaseCost(lasted, figures)

    def _sample(self, samples: list[int], over: threading.Event) -> None:
        """How many sessions wait for a lock at a moment."""
        waiting = WAITING.replace("current_database()", f"'{self._name}'").encode()
        while not over.wait(SAMPLE_SECONDS):
            samples.append(self._first(waiting))

    def _count(self) -> _Counted:
        wal = int(self._first(b"SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"))
        said = subprocess.run(
            ["ss", "-tinH", "dport", "=", f":{self._port}"],
            capture_output=True,
            text=True,
            check=True,
        )
        wire = sum(map(int, BYTES.findall(said.stdout)))
        rows = int(self._first(WRITTEN.encode(), [self._name]))
        cpu = sum(map(cpu_seconds, self._processes()))
        return _Counted(time.monotonic(), self._log.end, rows, wal / 1024, wire / 1024, cpu * 1000)

    def _processes(self) -> list[int]:
        """Those of the server, but for the one that works for this."""
        own = self._own.info.backend_pid
        return [pid for pid in tree(self._server) if pid != own and Path(f"/proc/{pid}").exists()]

    def _first(self, statement: bytes, values: Sequence[str] | None = None) -> Any:
        row = self._own.execute(statement, values).fetchone()
        return row[0] if row else 0
