"""The audit log: who did what to what, and when, however it was done.

No entry has a secret: rows are named as they name themselves (keys masked), and a detail is made of
names, masked URLs and words such as "key replaced". Entries are written in the transaction of the
change that they tell of.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from django.contrib.auth.models import AbstractUser
from django.db.models import Model

from proxyapp.models import AuditEntry

Action = Literal[
    "add",
    "change",
    "delete",
    "release",
    "disable",
    "enable",
    "revoke",
    "show",
    "import",
    "export",
    "reencrypt",
    "prune",
    "lock",
    "unlock",
    "forget",
]
ACTIONS: tuple[Action, ...] = get_args(Action)
OBJECT_TYPES = {
    "proxyapp.apikey": "key",
    "proxyapp.group": "group",
    "proxyapp.project": "project",
    "proxyapp.modelprice": "price",
    "proxyapp.alertchannel": "alert channel",
    "proxyapp.clienttoken": "token",
    "proxyapp.operatortoken": "operator token",
    "proxyapp.resource": "resource",
    "auth.user": "user",
    "auth.group": "role",
}
CONFIG_FILE, DATABASE, SIGN_IN = "config file", "database", "sign-in"

Change = tuple[Action, Model, str]
"""What was done, to which row, and the detail."""

BATCH = 500
MAX_LABEL = 200


@dataclass(frozen=True, slots=True)
class Actor:
    name: str
    user_id: int | None = None


START, RELOAD = Actor("start"), Actor("reload")


def operator(user: object) -> Actor:
    """Who is logged in to the admin."""
    if not isinstance(user, AbstractUser):
        raise TypeError("nobody is logged in")
    return Actor(user.get_username(), user.pk)


def command(name: str) -> Actor:
    """A command of manage.py, such as `keys disable`."""
    return Actor(f"command: {name}")


def operator_token(name: str, user_id: int) -> Actor:
    """What a script did with it, for whose user it stands."""
    return Actor(f"operator token: {name}", user_id)


def record(actor: Actor, action: Action, rows: Iterable[Model], detail: str = "") -> None:
    record_each(actor, ((action, row, detail) for row in rows))


def record_each(actor: Actor, changes: Iterable[Change]) -> None:
    AuditEntry.objects.bulk_create(_entries(actor, changes), batch_size=BATCH)


def record_whole(
    actor: Actor, action: Action, object_type: str, *, label: str = "", detail: str = ""
) -> None:
    """Of what is no row: a config file, the database."""
    AuditEntry.objects.create(
        actor=actor.name,
        user_id=actor.user_id,
        action=action,
        object_type=object_type,
        label=label[:MAX_LABEL],
        detail=detail,
    )


def object_type_of(model: type[Model]) -> str:
    return OBJECT_TYPES.get(model._meta.label_lower, model._meta.verbose_name_raw)


def _entries(actor: Actor, changes: Iterable[Change]) -> Iterator[AuditEntry]:
    for action, row, detail in changes:
        yield AuditEntry(
            actor=actor.name,
            user_id=actor.user_id,
            action=action,
            object_type=object_type_of(type(row)),
            object_id=str(row.pk),
            label=str(row)[:MAX_LABEL],
            detail=detail,
        )
