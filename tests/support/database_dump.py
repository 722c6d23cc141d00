"""What somebody has who gets hold of a database, or of the files of a gateway."""

import sqlite3
from contextlib import closing

import psycopg

from tests.support.gateway import Gateway


def dump(gateway: Gateway) -> str:
    """Every row of every table, as a backup has it."""
    url = gateway.database_url
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return "\n".join(connection.iterdump())
    with psycopg.connect(url) as connection:
        named = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        rows = [
            connection.execute(f'SELECT t::text FROM "{name}" t').fetchall() for (name,) in named
        ]
    return "\n".join(text for table in rows for (text,) in table)


def files(gateway: Gateway) -> dict[str, bytes]:
    """The database's files, raw and by name, so that what was deleted is in them too.

    Without the config file, which has the keys.
    """
    found = [
        path
        for path in gateway.directory.rglob("*")
        if path.is_file() and path != gateway.config_path
    ]
    return {path.name: path.read_bytes() for path in found}
