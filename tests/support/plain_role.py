"""A gateway whose role on PostgreSQL has no more rights than a managed service gives."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from tests.support.gateway import Gateway
from tests.support.postgres import ADMIN_URL

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


@contextmanager
def as_owner(gateway: Gateway, password: str = "plain", schema: str = "") -> Iterator[None]:
    """It is not started, and closed at the end. Its role owns its database, or no more than
    `schema`, in which its tables are then.
    """
    name, parts = f"plain_{secrets.token_hex(4)}", urlsplit(gateway.database_url)
    role, database = sql.Identifier(name), sql.Identifier(parts.path[1:])
    with psycopg.connect(os.environ[ADMIN_URL], autocommit=True) as admin:
        make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        admin.execute(make.format(role, sql.Literal(password)))
        try:
            if not schema:
                admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
            _give_tables(gateway.database_url, role, schema)
            where = f"{name}:{quote(password, safe='')}@{parts.hostname}:{parts.port}{parts.path}"
            options = f"?options=-csearch_path%3D{schema}" if schema else ""
            gateway.environment["DATABASE_URL"] = f"postgresql://{where}{options}"
            yield
        finally:
            gateway.close()
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


def _give_tables(url: str, role: sql.Identifier, schema: str) -> None:
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute(TABLES).fetchall():
            give = sql.SQL("ALTER TABLE {} OWNER TO {}")
            connection.execute(give.format(sql.Identifier(table), role))
        if schema:
            name = sql.Identifier(schema)
            connection.execute(sql.SQL("ALTER SCHEMA public RENAME TO {}").format(name))
            connection.execute(sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(name, role))
