"""Release, disable and enable: the same for the admin and the command, with the keys that really changed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.db.models import QuerySet

from proxyapp.models import ApiKey, KeyStatus, RateLimitEvent
from proxyapp.operators import key_state
from proxyapp.operators.key_state import held_by

KeyAction = Literal["release", "disable", "enable"]
DONE: dict[KeyAction, str] = {"release": "Released", "disable": "Disabled", "enable": "Enabled"}
STATUSES: dict[KeyAction, KeyStatus] = {"disable": KeyStatus.DISABLED, "enable": KeyStatus.ACTIVE}


def change_keys(action: KeyAction, key_ids: Iterable[int], now: datetime) -> set[int]:
    """The ids of the keys that changed: those that were cooling, or had another status.

    A release also brings back the other keys of these keys' projects; they are not among the ids.
    """
    with transaction.atomic():
        changed = set(key_ids).intersection(_affected(action, now).values_list("pk", flat=True))
        if not changed:
            return changed
        if action == "release":
            key_state.release(changed, now)
        else:
            key_state.set_status(changed, STATUSES[action])
    return changed


def _affected(action: KeyAction, now: datetime) -> QuerySet[ApiKey]:
    """Of all keys. The chosen ones are told apart in Python: SQLite takes a second to do so with thousands of ids."""
    keys = ApiKey.objects.order_by()
    if action == "release":
        return keys.filter(held_by(RateLimitEvent.objects.active(now)))
    return keys.exclude(status=STATUSES[action])
