"""What a machine is made of, as text that another machine is made of anew.

Groups, keys with their states, projects, client tokens, users, roles and what else is configured;
what was counted and logged stays behind. Secrets are in clear in the text: it belongs into a
moving file (`moving_file`). Sealed columns are sealed again on arrival; hashes need the secrets
that they were made with, which go along.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import serializers
from django.core.management.color import no_style
from django.core.serializers.base import DeserializationError
from django.db import DataError, IntegrityError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model, QuerySet

from proxyapp.models import ApiKey, ClientToken, RateLimitEvent, audit
from proxyapp.models.sealed import UNREADABLE, SealedTextField
from proxyapp.operators.moving_file import MovingFileError
from proxyapp.pool.cursor import lock_pool, raise_pool_version

# Counts, logs, and what processes keep for themselves.
LEFT = frozenset(
    {
        *("rotationcursor", "poolchange", "chore", "spoolmark", "quotaholder", "quotashare"),
        *("hourlyusage", "dailyusage", "minuteusage", "modelhour", "keytotal", "removedkey"),
        *("outcomehour", "answertimes", "tokenusage", "tokenwindow", "signincount"),
        *("auditentry", "requestlogentry", "requestlogtry", "requestloggap", "currencychange"),
    }
)
MISFITS = (DeserializationError, IntegrityError, DataError, ValueError, OverflowError, TypeError)
BY_EXPORT, BY_IMPORT = audit.command("export_config"), audit.command("import_config")


@dataclass(frozen=True, slots=True)
class Moved:
    """`secrets`: those that the hashes were made with, current first; `settings`: lines to read."""

    counts: dict[str, int]
    secrets: list[str]
    settings: list[str]


def moved_models() -> list[type[Model]]:
    """Users and roles first: others name them."""
    own = apps.get_app_config("proxyapp").get_models()
    return [Role, User, *(model for model in own if model._meta.model_name not in LEFT)]


def pack(now: datetime, shown_settings: Sequence[str]) -> bytes:
    """Raises MovingFileError when a secret cannot be read here: it would arrive empty."""
    with _one_moment():
        rows = [row for model in moved_models() for row in _rows(model, now)]
        _check_readable(rows)
        content = {
            "migration": _migrations()[-1],
            "secrets": [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS],
            "settings": list(shown_settings),
            "rows": json.loads(serializers.serialize("json", rows, use_natural_foreign_keys=True)),
        }
        audit.record_whole(BY_EXPORT, "export", audit.DATABASE, detail="everything, encrypted")
    return json.dumps(content).encode()


def restore(
    content: bytes, source: str, *, dry_run: bool, keep: Callable[[list[str]], object] = list
) -> Moved:
    """In one transaction, into a gateway without keys and client tokens: what else it has, its
    users and roles, too, makes room. `keep` takes the secrets before that is committed, but not in
    a dry run. Raises MovingFileError, django.db.Error and what `keep` raises.
    """
    moving = _read(content)
    if moving["migration"] not in _migrations():
        raise MovingFileError("it was written by a later version: update this gateway first")
    counts: dict[str, int] = {}
    with transaction.atomic():
        lock_pool()
        _check_fresh()
        _make_room()
        try:
            for row in serializers.deserialize("python", moving["rows"], ignorenonexistent=True):
                row.save()
                name = str(row.object._meta.verbose_name_plural)
                counts[name] = counts.get(name, 0) + 1
            connection.check_constraints()
        except MISFITS as error:
            raise MovingFileError(f"a row does not fit: {_first_line(error)}") from error
        _reset_sequences()
        text = ", ".join(f"{count} {name}" for name, count in counts.items())
        audit.record_whole(BY_IMPORT, "import", audit.DATABASE, label=source, detail=text)
        raise_pool_version()
        if dry_run:
            transaction.set_rollback(True)
        else:
            keep(moving["secrets"])
    return Moved(counts, moving["secrets"], moving["settings"])


@contextmanager
def _one_moment() -> Iterator[None]:
    """PostgreSQL shows each statement what others have changed since the one before, if not told:
    a key could go along whose group does not.
    """
    is_first = not connection.in_atomic_block
    with transaction.atomic():
        if is_first and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _read(content: bytes) -> dict[str, Any]:
    """Rows of other tables than moving ones are left out: the file's word is not taken for it."""
    labels = {model._meta.label_lower for model in moved_models()}
    try:
        moving: dict[str, Any] = json.loads(content)
        rows = [row for row in moving["rows"] if row["model"] in labels]
        read = {"migration": str(moving["migration"]), "rows": rows}
        return read | {name: [*map(str, moving[name])] for name in ("secrets", "settings")}
    except (ValueError, KeyError, TypeError):
        raise MovingFileError(
            "its content is not what `export_config --everything` writes"
        ) from None


def _rows(model: type[Model], now: datetime) -> Iterable[Model]:
    if model is RateLimitEvent:
        return RateLimitEvent.objects.active(now).order_by("pk")
    rows: QuerySet[Model] = model._base_manager.order_by("pk")
    return rows


def _check_readable(rows: Iterable[Model]) -> None:
    unreadable = [f"{row._meta.verbose_name} {row}" for row in rows if _has_unreadable(row)]
    if unreadable:
        raise MovingFileError(
            f"the present SECRET_KEY cannot read: {'; '.join(unreadable)}. Add the older secret, or"
            " delete them"
        )


def _has_unreadable(row: Model) -> bool:
    sealed = (field for field in row._meta.concrete_fields if isinstance(field, SealedTextField))
    return any(getattr(row, field.attname) == UNREADABLE for field in sealed)


def _check_fresh() -> None:
    found = {"keys": ApiKey.objects.count(), "client tokens": ClientToken.objects.count()}
    there = " and ".join(f"{count} {name}" for name, count in found.items() if count)
    if there:
        raise MovingFileError(
            f"this gateway has {there}: everything goes into a new one only, nothing is overwritten"
        )


def _make_room() -> None:
    for model in reversed(moved_models()):
        model._base_manager.all().delete()
    Session.objects.all().delete()


def _reset_sequences() -> None:
    """PostgreSQL numbers rows by itself, and has not seen those that came with their number."""
    statements = connection.ops.sequence_reset_sql(no_style(), moved_models())
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _migrations() -> list[str]:
    applied: Iterator[tuple[str, str]] = iter(
        MigrationRecorder.Migration.objects.filter(app="proxyapp").values_list("app", "name")
    )
    return sorted(name for _, name in applied)


def _first_line(error: Exception) -> str:
    """Without the row's values, which the rest of a database's words may have."""
    return str(error).partition("\n")[0].partition(":")[0]
