"""What a start has to find ready: a database that works, its schema, an administrator."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from gateway.places import COMMAND
from proxyapp.access.token_store import has_tokens
from proxyapp.models import audit
from proxyapp.process import schema_age
from proxyapp.process.listener import shown_address
from proxyapp.process.start_error import StartError
from proxyapp.vocabulary.addresses import is_loopback

NOT_OURS = ("attempt to write a readonly database", "unable to open database file")


@dataclass(frozen=True)
class Administrator:
    name: str
    password: str
    is_generated: bool

    def __repr__(self) -> str:
        return f"Administrator({self.name!r})"


@contextmanager
def database_errors_explained() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        reason = _without_password(" ".join(str(error).split()))
        raise StartError(
            f"The database ({_database_name()}) does not work: {reason}{_advice(reason)}"
        ) from error


def _advice(reason: str) -> str:
    """SQLite's words say what it may not do, and not why."""
    if connection.vendor != "sqlite" or not reason.startswith(NOT_OURS):
        return ""
    return ". The user who runs the gateway has to own the file and its directory"


def _database_name() -> str:
    settings = connection.settings_dict
    place = f"{settings['HOST']}:{settings['PORT'] or 'default port'}/" if settings["HOST"] else ""
    return f"{connection.vendor} {place}{settings['NAME']}"


def _without_password(text: str) -> str:
    password = connection.settings_dict["PASSWORD"]
    return text.replace(password, "***") if password else text


def migrate() -> int:
    """Returns how many migrations were applied. Raises StartError."""
    try:
        executor = MigrationExecutor(connection)
        schema_age.refuse_newer(executor.loader)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            call_command("migrate", verbosity=0, interactive=False)
    except InconsistentMigrationHistory as error:
        raise StartError(
            f"The database ({_database_name()}) cannot be migrated: {error}"
        ) from error
    return len(plan)


def strangers_refusal(host: str, port: int) -> str:
    """Why the address is not served: others reach it, and nobody has to show a token there.

    Empty: it may be served.
    """
    if settings.ALLOW_ANONYMOUS or is_loopback(host) or has_tokens():
        return ""
    return (
        f"{shown_address(host, port)} can be reached from other machines, and there is no client"
        f" token yet. Make one with `{COMMAND} tokens create NAME`, or give one in"
        " GATEWAY_CLIENT_TOKEN, or let everybody use the keys with allow_anonymous: true under"
        " server in the config file (or ALLOW_ANONYMOUS=true)."
    )


def ensure_administrator() -> Administrator | None:
    """None when there is a user already."""
    users = get_user_model()._default_manager
    if users.exists():
        return None
    name, given = settings.DJANGO_SUPERUSER_USERNAME, settings.DJANGO_SUPERUSER_PASSWORD
    password = given or secrets.token_urlsafe(12)
    with transaction.atomic():
        user = users.create_superuser(name, settings.DJANGO_SUPERUSER_EMAIL, password)
        audit.record(audit.START, "add", [user], "superuser, because there was no user")
    return Administrator(name, password, is_generated=not given)
