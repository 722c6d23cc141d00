"""Release, disable and enable, for the admin and the command alike; they say which keys changed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.db.models import QuerySet

from proxyapp.models import ApiKey, RateLimitEvent, audit
from proxyapp.models.audit import Actor
from proxyapp.models.key_state import held_by, key_batches
from proxyapp.pool.change_log import MOST_TOUCHED, Touched, touched_keys
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.vocabulary.choices import KeyStatus

KeyAction = Literal["release", "disable", "enable"]
DONE: dict[KeyAction, str] = {"release": "Released", "disable": "Disabled", "enable": "Enabled"}
STATUSES: dict[KeyAction, KeyStatus] = {"disable": KeyStatus.DISABLED, "enable": KeyStatus.ACTIVE}


def change_keys(action: KeyAction, key_ids: Iterable[int], now: datetime) -> set[int]:
    """The ids of the keys that changed: those that were cooling, or had another status or
    another reason for it.

    A release also brings back the other keys of these keys' projects; they are not among the ids.
    """
    with transaction.atomic():
        changed = set(key_ids).intersection(_affected(action, now).values_list("pk", flat=True))
        if not changed:
            return changed
        if action == "release":
            release(changed, now)
        else:
            set_status(changed, STATUSES[action])
    return changed


def change_audited(
    action: KeyAction, key_ids: Iterable[int], actor: Actor, now: datetime
) -> set[int]:
    """With an entry in the audit log of each that changed."""
    with transaction.atomic():
        changed = change_keys(action, key_ids, now)
        audit_keys(actor, action, changed)
    return changed


def audit_keys(
    actor: Actor, action: audit.Action, key_ids: Iterable[int], detail: str = ""
) -> None:
    for keys in key_batches(key_ids):
        audit.record(actor, action, keys.defer("secret"), detail)


def _affected(action: KeyAction, now: datetime) -> QuerySet[ApiKey]:
    """Of all keys.

    The chosen ones are told apart in Python: SQLite takes a second to do so with thousands of ids.
    """
    keys = ApiKey.objects.order_by()
    if action == "release":
        return keys.filter(held_by(RateLimitEvent.objects.active(now)))
    return keys.exclude(status=STATUSES[action], status_reason="")


def release(key_ids: Iterable[int], now: datetime) -> int:
    """Ends the cooldowns that hold for the keys. The number of cooldowns that were ended.

    A quota is its project's: the cooldowns of the keys' projects end too, so that all keys of these
    come back.
    """
    active = RateLimitEvent.objects.active(now)
    with transaction.atomic():
        lock_pool()  # no cooldown comes in between that would be ended and not named
        touched, ended = Touched(), 0
        for keys in key_batches(key_ids):
            cooldowns = active.of_keys(keys)
            touched |= _owners(cooldowns)
            ended += cooldowns.update(released_at=now)
        raise_pool_version(touched)
    return ended


def release_events(event_ids: Iterable[int], now: datetime) -> int:
    """Ends these cooldowns only. The number that were still active."""
    cooldowns = RateLimitEvent.objects.active(now).filter(pk__in=list(event_ids))
    with transaction.atomic():
        lock_pool()
        touched = _owners(cooldowns)
        ended = cooldowns.update(released_at=now)
        raise_pool_version(touched)
    return ended


def _owners(cooldowns: QuerySet[RateLimitEvent]) -> Touched:
    """The keys and projects that they hold; one more than are named says that they are many."""
    owners = cooldowns.order_by().values_list("key_id", "project").distinct()
    found = list(owners[: MOST_TOUCHED + 1])
    return Touched(
        keys=frozenset(key_id for key_id, _ in found),
        projects=frozenset(project for _, project in found if project),
    )


def set_status(key_ids: Iterable[int], status: KeyStatus, *, reason: str = "") -> int:
    """Enables (ACTIVE), disables or condemns keys. The number of keys that changed.

    Who disables what is missing from the config file means it: it no longer comes back by itself.
    """
    ids = list(key_ids)
    with transaction.atomic():
        lock_pool()
        others = (keys.exclude(status=status, status_reason=reason) for keys in key_batches(ids))
        changed = sum(keys.update(status=status, status_reason=reason) for keys in others)
        raise_pool_version(touched_keys(ids))
    return changed
