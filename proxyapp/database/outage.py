"""What it means that the database is away, in words without a password."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from django.db import DataError, IntegrityError, OperationalError
from django.db import Error as DatabaseError

from proxyapp.vocabulary.marks import gettext_noop

REASONS = {
    "NoAnswer": gettext_noop("it does not answer"),
    "ConnectionTimeout": gettext_noop("it does not answer"),
    "QueryCanceled": gettext_noop("it took too long"),
    "DiskFull": gettext_noop("its disk is full"),
    "AdminShutdown": gettext_noop("it was shut down, or the connection was ended"),
    "CrashShutdown": gettext_noop("it has crashed"),
    "CannotConnectNow": gettext_noop("it is starting or stopping"),
    "TooManyConnections": gettext_noop(
        "it has no connection left (max_connections of the server, or the limit of the role)"
    ),
    "UndefinedTable": gettext_noop("its tables are missing"),
    "UndefinedColumn": gettext_noop("its tables are another version's: start the gateway anew"),
    "OperationalError": gettext_noop("no connection"),
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


# What a server or a pooler says then. At the log-in there is no code, only these words.
NO_CONNECTION_LEFT = (
    "too many connections",
    "too many clients",
    "connection slots are reserved",
    "no more connections allowed",
)


def is_out_of_connections(error: DatabaseError) -> bool:
    """The server is there and has no connection left for us; nothing was done."""
    said = str(error.__cause__ or error)
    return isinstance(error, OperationalError) and any(
        words in said for words in NO_CONNECTION_LEFT
    )


def takes_reads_only(error: DatabaseError) -> bool:
    """It was the primary, and is a replica since: PostgreSQL keeps the connection all the same."""
    return type(error.__cause__).__name__ == "ReadOnlySqlTransaction"


def reason_of(error: DatabaseError) -> str:
    """PostgreSQL's texts may hold addresses and passwords: only the class of its error is told.

    SQLite's are short.
    """
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(cause, sqlite3.Error):
        return str(cause)
    name = "TooManyConnections" if is_out_of_connections(error) else type(cause).__name__
    return REASONS.get(name, name)
