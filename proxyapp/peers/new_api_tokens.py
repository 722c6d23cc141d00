"""Clients' tokens of new-api and one-api: for the channels and models that they are for there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from proxyapp.peers.databases import rows_of
from proxyapp.peers.fields import Fields
from proxyapp.peers.moved import MovedGroup, MovedIn, printable
from proxyapp.peers.source import Row, Source
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

COLUMNS = (
    *("id", "key", "status", "name", "expired_time", "model_limits_enabled", "model_limits"),
    *("unlimited_quota", "deleted_at", "user_id", "group", "allow_ips", "subnet", "models"),
)
USER_COLUMNS = ("id", "group", "status", "deleted_at")
ON = 1
PREFIX = "sk-"
# Of users and channels that name none; what lets a user have any of its own.
DEFAULT, ANY = "default", "auto"
GONE: Row = {"status": 0}
IS_OFF = gettext_noop("is off there")
FOR_NOTHING = gettext_noop("is for no model")
USER_IS_OFF = gettext_noop("is of a user who is off there")
FOR_ADDRESSES = gettext_noop(
    "is for some addresses only, which no token here is: give its clients another"
    " (`manage.py tokens create`)"
)
LAST = 2**33
Channels = Sequence[tuple[MovedGroup | None, frozenset[str]]]


def read_tokens(source: Source, moved: MovedIn, channels: Channels) -> None:
    """`channels`: each with that program's groups that may use it; None was not taken."""
    users = {row.get("id"): row for row in rows_of(source, "users", USER_COLUMNS)}
    for row in rows_of(source, "tokens", COLUMNS, "id"):
        user = users.get(row.get("user_id"), GONE if users else {})
        if user.get("deleted_at") or user.get("status", ON) != ON:
            moved.leave(f"token {row.get('id')}", USER_IS_OFF)
            continue
        name = row.get("group") or user.get("group") or DEFAULT
        _token(row, moved, _groups(str(name), channels))


def _groups(name: str, channels: Channels) -> list[str] | None:
    """None: all that there are."""
    may_use = [made for made, names in channels if name == ANY or name in names]
    taken = [made.name for made in may_use if made]
    return None if taken and len(may_use) == len(channels) else taken


def _token(row: Row, moved: MovedIn, groups: list[str] | None) -> None:
    """Kept without the prefix that clients show."""
    fields = Fields(row, f"token {row.get('id')}", moved)
    key, name = fields.text("key"), fields.text("name") or f"new-api {row.get('id')}"
    if fields.take("deleted_at") or fields.number("status") != ON:
        moved.leave(fields.place, IS_OFF)
        return
    if fields.text("allow_ips") or fields.text("subnet"):
        moved.leave(fields.place, FOR_ADDRESSES)
        return
    models = _models(fields)
    if models is None:
        moved.leave(fields.place, FOR_NOTHING)
        return
    moved.token(
        key if key.startswith(PREFIX) else f"{PREFIX}{key}",
        fields.place,
        name,
        groups=groups,
        models=models,
        expires_at=_end(fields),
    )
    if not fields.flag("unlimited_quota"):
        text = _("%(place)s: its quota there is a budget here (`tokens set`)")
        moved.token_notes.append(printable(text % {"place": fields.place}))


def _models(fields: Fields) -> list[str] | None:
    """new-api's list counts where it is switched on, one-api's where there is one. None: no model
    at all.
    """
    is_on, listed = fields.flag("model_limits_enabled"), fields.text("model_limits")
    names = (listed if is_on else "") or fields.text("models")
    found = [part.strip() for part in names.split(",") if part.strip()]
    return found or (None if is_on else [])


def _end(fields: Fields) -> datetime | None:
    """In seconds; of so many digits it is in milliseconds."""
    ends = fields.number("expired_time") or 0
    seconds = ends // 1000 if ends >= LAST else ends
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < LAST else None


def groups_of_channel(row: Mapping[Any, Any]) -> frozenset[str]:
    names = str(row.get("group") or DEFAULT).split(",")
    return frozenset(name.strip() for name in names)
