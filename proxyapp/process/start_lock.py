"""One start at a time prepares the database; the others wait.

On PostgreSQL the whole preparation is one transaction, and the lock is that transaction's: it ends
with it, through a pooler in transaction mode too, and leaves nothing half done. A start that is
killed loses its connection; one that hangs is ended by the server. SQLite's schema cannot be
changed within a transaction of ours: there it is a locked file beside the database, which the
kernel opens again when its holder dies.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from django.db import Error as DatabaseError
from django.db import connection, transaction

from proxyapp.database.outage import is_out_of_connections, reason_of
from proxyapp.process.start_error import StartError
from proxyapp.process.wait_report import WaitReport

# Not that of earlier versions: theirs was a session's, which a pooler may keep for ever.
ADVISORY_LOCK = 0x67656D696E6A
POLL_SECONDS = {"postgresql": 1.0, "sqlite": 0.25}
BEAT_SECONDS = 1.0
# A start beats while it waits for its own migration, too. One that is stopped does not.
HANGS_AFTER_SECONDS = 30.0
# A pooler may hand on a session with other limits. Hashing a password and encrypting the keys of a
# large config file are the longest pauses between two statements; a lock that is not free by then
# is held by something that an operator has to look at. Constraints are checked with each statement,
# because a table with checks that are due cannot be altered.
TRANSACTION = (
    "SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL statement_timeout = 0;"
    " SET LOCAL lock_timeout = '60s'; SET CONSTRAINTS ALL IMMEDIATE"
)
OTHER_START = "another start that prepares the database"
FIRST_REASON = "the database to answer, or its pooler to have a connection free"


@contextmanager
def alone(say: Callable[[str], None]) -> Iterator[None]:
    """`say` hears every few seconds what is waited for. Raises StartError and django.db.Error."""
    with WaitReport(say, FIRST_REASON) as report:
        if connection.vendor == "postgresql":
            waiting = _in_one_transaction(report)
        else:
            waiting = _with_locked_file(report)
        with waiting:
            yield


@contextmanager
def _in_one_transaction(report: WaitReport) -> Iterator[None]:
    while True:
        _connect(report)
        with transaction.atomic():
            if _takes_lock():
                report.end()
                yield
                return
        connection.close()  # they may be few, and whoever prepares needs one
        report.waits_for(OTHER_START)
        time.sleep(POLL_SECONDS["postgresql"])


def _connect(report: WaitReport) -> None:
    while True:
        try:
            return connection.ensure_connection()
        except DatabaseError as error:
            if not is_out_of_connections(error):
                raise
            report.waits_for(f"a connection to the database ({reason_of(error)})")
        time.sleep(POLL_SECONDS["postgresql"])


def _takes_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(TRANSACTION)
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        return bool(cursor.fetchone()[0])


@contextmanager
def _with_locked_file(report: WaitReport) -> Iterator[None]:
    path = Path(os.path.realpath(connection.settings_dict["NAME"]) + ".start")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"{path} cannot be opened: {error.strerror}.") from error
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        has_lock = _wait_for(descriptor, report)
        report.end()
        with _beating(descriptor) if has_lock else nullcontext():
            yield
        if has_lock:
            file.truncate(0)


def _wait_for(file: int, report: WaitReport) -> bool:
    """False: its holder shows no sign of life, and SQLite's own lock has to do."""
    beat, seen_at = 0, time.monotonic()
    while not _locks(file):
        holder = os.pread(file, 20, 0).decode(errors="replace")
        report.waits_for(f"{OTHER_START} (process {holder})")
        if (found := os.fstat(file).st_mtime_ns) != beat:
            beat, seen_at = found, time.monotonic()
        if time.monotonic() - seen_at > HANGS_AFTER_SECONDS:
            report.say(f"Goes on without process {holder}, which hangs: end it with kill -9.")
            return False
        time.sleep(POLL_SECONDS["sqlite"])
    os.ftruncate(file, 0)
    os.pwrite(file, str(os.getpid()).encode(), 0)
    return True


def _locks(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _beating(file: int) -> Iterator[None]:
    """Tells whoever waits that this process lives."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            os.utime(file)

    thread = threading.Thread(target=beat, name="start-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
