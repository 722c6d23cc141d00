"""DATABASE_URL: what is wrong with one, "" when nothing is, and what it says."""

import re
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
NO_DATABASE_URL = (
    "is not a database URL such as sqlite:////path/to/file or"
    " postgresql://user:password@host:5432/name (special characters in the password are"
    " percent-encoded)"
)
# One of several: a name, an address or a socket's directory, and its port.
HOST = re.compile(r"(?:\[([^\[\]\s]+)\]|([^\[\]:/\s]+|/[^:]*))(?::(\d{0,5}))?")
HIGHEST_PORT = 65535


def check_database_url(text: str) -> str:
    if complaint := _misread_url(text):
        return complaint
    database = parsed_database_url(text)
    if database.get("ENGINE") not in (SQLITE, POSTGRESQL) or database["NAME"] in ("", ":memory:"):
        return NO_DATABASE_URL
    if database["ENGINE"] == SQLITE and database.get("OPTIONS"):
        return "takes no options for SQLite: SQLITE_TIMEOUT_SECONDS says how long it waits"
    return ""


def _misread_url(text: str) -> str:
    """What a parser would take silently for another address."""
    try:
        url = urlsplit(text)
    except ValueError:
        return NO_DATABASE_URL
    if url.scheme == "sqlite" and url.netloc:
        path = "path/to/file" if "@" in url.netloc else f"{url.netloc}{url.path}"
        return (
            f"has two slashes, after which a host would stand: sqlite:///{path} is relative to the"
            f" directory of the process, sqlite:////{path} is a path from the root"
        )
    if url.fragment or "#" in text:
        return "has a '#', which ends a URL: write it as %23"
    if url.scheme == "sqlite":
        return _misread_file(url.path.removeprefix("/"))
    if url.netloc.count("@") > 1:
        return "has an '@' in its user or password: write it as %40"
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return "has a '%' that encodes nothing: write it as %25"
    if "," in url.netloc.rpartition("@")[2] and _hosts(url.netloc) is None:
        return "has a host among several that is none: they are written as one:5432,two:5432"
    if "@" in url.path:
        return "has a '/' in its password: write it as %2F (and '@' as %40, '#' as %23, '?' as %3F)"
    return ""


def _misread_file(path: str) -> str:
    if path.startswith("~"):
        return "must be a whole path: ~ means a home directory to a shell only"
    return "names a directory: add the file's name" if path and Path(path).is_dir() else ""


def parsed_database_url(text: str) -> dict[str, Any]:
    """Empty when it is none: django-environ's own complaints repeat it, and with it the
    password.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            database: dict[str, Any] = environ.Env.db_url_config(text)
        hosts = _hosts(urlsplit(text).netloc)
    except (ValueError, ImproperlyConfigured):
        return {}
    if hosts is not None:
        database["HOST"], database["PORT"] = hosts
    elif database.get("HOST", "").lower().startswith("%2f"):  # a socket's directory, as in libpq
        database["HOST"] = unquote(database["HOST"])
    return database


def _hosts(netloc: str) -> tuple[str, str] | None:
    """Of several: their names, and their ports in a list as long; None when they are no hosts.

    django-environ takes the port of one for that of all, and leaves an address its brackets.
    """
    given = netloc.rpartition("@")[2].split(",")
    found = [match for one in given if (match := HOST.fullmatch(unquote(one)))]
    ports = [match[3] or "" for match in found]
    if not 1 < len(given) == len(found) or any(int(port or 0) > HIGHEST_PORT for port in ports):
        return None
    return ",".join(match[1] or match[2] for match in found), ",".join(ports) if any(ports) else ""
