"""What a gateway's database says, read from outside."""

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from tests.support.gateway import Gateway


def rows(gateway: Gateway, query: str) -> list[tuple[Any, ...]]:
    """The same SQL on SQLite and PostgreSQL."""
    url = gateway.database_url
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=10)) as connection:
            return connection.execute(query).fetchall()
    with psycopg.connect(url, connect_timeout=10) as server:
        return server.execute(query.encode()).fetchall()


def counted_by_hour(gateway: Gateway) -> int:
    """Attempts at upstreams, in the rows of keys, models and hours."""
    return int(rows(gateway, "SELECT coalesce(sum(requests), 0) FROM proxyapp_hourlyusage")[0][0])


def counted_by_minute(gateway: Gateway) -> tuple[int, int]:
    """Attempts at upstreams, and answers to clients."""
    found = rows(
        gateway,
        "SELECT coalesce(sum(requests), 0), coalesce(sum(answered), 0) FROM proxyapp_minuteusage",
    )
    return int(found[0][0]), int(found[0][1])
