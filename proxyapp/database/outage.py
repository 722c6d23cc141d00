"""What it means that the database is away, in words without a password."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from django.db import DataError, IntegrityError, OperationalError
from django.db import Error as DatabaseError

REASONS = {
    "NoAnswer": "it does not answer",
    "ConnectionTimeout": "it does not answer",
    "QueryCanceled": "it took too long",
    "DiskFull": "its disk is full",
    "AdminShutdown": "it was shut down, or the connection was ended",
    "CrashShutdown": "it has crashed",
    "CannotConnectNow": "it is starting or stopping",
    "TooManyConnections": "it has no connection left",
    "OperationalError": "no connection",
}


class DatabaseAway(OperationalError):
    """It is known to be away: nobody has asked it."""


class NoAnswer(OperationalError):
    """It lets us wait. Whether it has done the work is not known."""


@dataclass(frozen=True, slots=True)
class Outage:
    """`until` None: it lasts."""

    since: datetime
    reason: str
    until: datetime | None = None


def tells_of_an_outage(error: DatabaseError) -> bool:
    """Not of a row that the database refuses."""
    return not isinstance(error, IntegrityError | DataError)


def reason_of(error: DatabaseError) -> str:
    """PostgreSQL's texts may hold addresses and passwords: only the class of its error is told.

    SQLite's are short.
    """
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(cause, sqlite3.Error):
        return str(cause)
    name = type(cause).__name__
    return REASONS.get(name, name)
