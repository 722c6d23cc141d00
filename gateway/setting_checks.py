"""What is wrong with the text of a setting, and what to write instead; "" when nothing is."""

import re
import ssl
import warnings
from datetime import time
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

HOST = re.compile(r"\*|\.?[^\s/:*]+|\[[0-9A-Fa-f:.]+\]")
ORIGIN = re.compile(r"https?://[^\s/]+")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"


def log_level(text: str) -> str:
    return "" if text.upper() in LOG_LEVELS else "is not DEBUG, INFO, WARNING or ERROR"


def time_of_day(text: str) -> str:
    try:
        is_one = time.fromisoformat(text).tzinfo is None
    except ValueError:
        is_one = False
    return "" if is_one else "is not a time such as 10:00"


def time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        return "is not a time zone such as Europe/Moscow"
    return ""


def certificate_file(text: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(text)
    except OSError:  # ssl.SSLError is one
        return "is not a readable PEM file of certificates"
    return ""


def network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        return "is not an address or a network such as 10.0.0.0/8"
    return ""


def host(text: str) -> str:
    if HOST.fullmatch(text):
        return ""
    return "is not a name such as gateway.example.com (no scheme, no port; IPv6 as [::1])"


def origin(text: str) -> str:
    return "" if ORIGIN.fullmatch(text) else "is not an origin such as https://gateway.example.com"


def database_url(text: str) -> str:
    database = parsed_database_url(text)
    if database.get("ENGINE") not in (SQLITE, POSTGRESQL) or database["NAME"] in ("", ":memory:"):
        return (
            "is not a database URL such as sqlite:////path/to/file or"
            " postgresql://user:password@host:5432/name (special characters in the password are"
            " percent-encoded)"
        )
    if database["ENGINE"] == SQLITE and database.get("OPTIONS"):
        return "takes no options for SQLite: SQLITE_TIMEOUT_SECONDS says how long it waits"
    return ""


def parsed_database_url(text: str) -> dict[str, Any]:
    """Empty when it is none: django-environ's own complaints repeat it, and with it the
    password.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            database: dict[str, Any] = environ.Env.db_url_config(text)
    except (ValueError, ImproperlyConfigured):
        return {}
    return database
