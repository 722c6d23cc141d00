"""What processes tell each other of the questions they ask about keys. Writes `KeyProbe`.

One process asks about a key at a time, and its answer holds for all of them for a while: however
often clients provoke refusals, a key is asked about no more often than that.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q

from proxyapp.models import ApiKey, KeyProbe, audit
from proxyapp.models.audit import Actor
from proxyapp.pool.change_log import touched_keys
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.provider.probing import ProbeOutcome, again_after
from proxyapp.vocabulary.choices import KeyStatus

ANSWER_HOLDS = timedelta(seconds=30)
# A question takes 10 s at most; one that is older died with its process.
QUESTION_HOLDS = timedelta(seconds=12)
FIRST_LOOK = timedelta(minutes=1)
PUT_OFF = timedelta(hours=1)
# More than any pause: what is due later was planned by a clock that was ahead.
LONGEST_PAUSE = timedelta(hours=25)
MOST_DUE = 50
MESSAGE_CHARACTERS = 300
PROBE = Actor("probe")


class Claim(NamedTuple):
    """`is_mine`: this process asks. `outcome` None: another is asking right now."""

    is_mine: bool
    outcome: ProbeOutcome | None = None


def claim(key_id: int, key_hash: str, now: datetime) -> Claim | None:
    """Who asks about the key. None: the key is gone."""
    with transaction.atomic():
        probe = _locked(key_id)
        if probe is None:
            return None
        _forget_another_secret(probe, key_hash)
        if probe.outcome and _holds(probe.answered_at, ANSWER_HOLDS, now):
            return Claim(is_mine=False, outcome=ProbeOutcome(probe.outcome))
        if _is_being_asked(probe, now):
            return Claim(is_mine=False)
        probe.asked_at = now
        probe.save()
        return Claim(is_mine=True)


def _is_being_asked(probe: KeyProbe, now: datetime) -> bool:
    if not _holds(probe.asked_at, QUESTION_HOLDS, now):
        return False
    return probe.answered_at is None or (
        probe.asked_at is not None and probe.answered_at < probe.asked_at
    )


def settle(key_id: int, key_hash: str, outcome: ProbeOutcome, message: str, now: datetime) -> None:
    """Of a dead key also when it is asked again."""
    with transaction.atomic():
        probe = _locked(key_id)
        if probe is None:
            return
        _forget_another_secret(probe, key_hash)
        probe.answered_at, probe.outcome = now, outcome
        probe.message = message[:MESSAGE_CHARACTERS]
        if outcome is ProbeOutcome.WORKS:
            probe.deaths, probe.due_at = 0, None
        elif outcome is ProbeOutcome.DEAD:
            probe.deaths += 1
            probe.due_at = now + again_after(probe.deaths, message)
        elif probe.due_at is not None:
            probe.due_at = now + again_after(probe.deaths, message)
        probe.save()


def due_keys(now: datetime) -> Sequence[int]:
    """Invalid keys that are to be asked again; one that nobody has asked about is in a minute."""
    invalid = ApiKey.objects.filter(status=KeyStatus.INVALID)
    unasked = invalid.filter(probe=None).values_list("pk", flat=True)[:MOST_DUE]
    unplanned = invalid.filter(probe__due_at=None, probe__isnull=False)
    KeyProbe.objects.bulk_create(
        [KeyProbe(key_id=pk, due_at=now + FIRST_LOOK) for pk in unasked], ignore_conflicts=True
    )
    KeyProbe.objects.filter(key__in=unplanned.values("pk")).update(due_at=now + FIRST_LOOK)
    is_due = Q(probe__due_at__lte=now) | Q(probe__due_at__gt=now + LONGEST_PAUSE)
    due = invalid.filter(is_due).order_by("probe__due_at")
    return list(due.values_list("pk", flat=True)[:MOST_DUE])


def put_off(key_ids: Sequence[int], now: datetime) -> None:
    """Keys that this process cannot ask about, such as those behind a proxy that it cannot read."""
    KeyProbe.objects.filter(pk__in=key_ids).update(due_at=now + PUT_OFF)


def bring_back(key_id: int, key_hash: str, message: str) -> bool:
    """Whether an invalid key is in rotation again; not one that was replaced or disabled since."""
    with transaction.atomic():
        lock_pool()
        found = ApiKey.objects.select_for_update().filter(
            pk=key_id, key_hash=key_hash, status=KeyStatus.INVALID
        )
        keys = list(found.defer("secret"))
        if not keys:
            return False
        found.update(status=KeyStatus.ACTIVE, status_reason="")
        audit.record(PROBE, "enable", keys, f"asked again, and it {message}")
        raise_pool_version(touched_keys([key_id]))
        return True


def _forget_another_secret(probe: KeyProbe, key_hash: str) -> None:
    if probe.key_hash != key_hash:
        probe.key_hash, probe.outcome, probe.message = key_hash, "", ""
        probe.asked_at = probe.answered_at = probe.due_at = None
        probe.deaths = 0


def _locked(key_id: int) -> KeyProbe | None:
    """None: the key is gone."""
    if not ApiKey.objects.filter(pk=key_id).exists():
        return None
    KeyProbe.objects.get_or_create(pk=key_id)
    return KeyProbe.objects.select_for_update().get(pk=key_id)


def _holds(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    """A moment to come is a clock's error."""
    return moment is not None and abs(now - moment) < span
