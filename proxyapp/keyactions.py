"""Release, disable and enable: the same for the admin and the command, with the keys that really changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.db.models import QuerySet

from proxyapp import keystate
from proxyapp.models import ApiKey, KeyStatus, RateLimitEvent

KeyAction = Literal["release", "disable", "enable"]
DONE: dict[KeyAction, str] = {"release": "Released", "disable": "Disabled", "enable": "Enabled"}
STATUSES: dict[KeyAction, KeyStatus] = {"disable": KeyStatus.DISABLED, "enable": KeyStatus.ACTIVE}


def change_keys(action: KeyAction, key_ids: Sequence[int], now: datetime) -> set[int]:
    """The ids of the keys that changed: those that were cooling, or had another status."""
    with transaction.atomic():
        changed = set(_affected(action, key_ids, now).values_list("pk", flat=True))
        if not changed:
            return changed
        if action == "release":
            keystate.release(changed, now)
        else:
            keystate.set_status(changed, STATUSES[action])
    return changed


def _affected(action: KeyAction, key_ids: Sequence[int], now: datetime) -> QuerySet[ApiKey]:
    keys = ApiKey.objects.filter(pk__in=key_ids).order_by()
    if action == "release":
        return keys.filter(pk__in=RateLimitEvent.objects.active(now).order_by().values("key_id"))
    return keys.exclude(status=STATUSES[action])
