"""Whose turn it is. The only place that moves cursors.

A ring's positions are counted in slots: slot s belongs to the key `s % size`, and a key that may
not be used lets its slot pass, so that its neighbour gets no double share. A process leases whole
laps in one short transaction under the cursor's row lock and walks them in memory; because every
lease is whole laps, each key gets the same share whatever the other processes do. The row also
remembers whose turn is next, which is where a restarted process goes on.
"""

import secrets
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection, transaction

from proxyapp.models import ApiKey, ClientToken, Group, RotationCursor
from proxyapp.pool import change_log
from proxyapp.pool.change_log import Touched, Version
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring import Ring
from proxyapp.pool.ring_names import ALL_GROUPS, groups_of_ring, ring_name


class Pick(NamedTuple):
    slot: int
    key: PoolKey


@dataclass(frozen=True, slots=True)
class Lease:
    """The slots from `start` to before `end` belong to one process.

    `version`: the pool's at the time of the lease.
    """

    start: int
    end: int
    version: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a process stands in a ring.

    `position`: the first slot of its lease that it has not used.
    """

    ring: str
    next_key_id: int
    position: int
    lease_end: int


_TABLE = RotationCursor._meta.db_table
RAISE = f"UPDATE {_TABLE} SET pool_version = pool_version + 1, pool_stamp = %s WHERE ring = %s"  # noqa: S608 (no value)
NUMBER = f"SELECT pool_version FROM {_TABLE} WHERE ring = %s"  # noqa: S608 (no value)
# Who removes keys holds the pool's row: only behind it is looked whether the key is there.
TELL_TURN = f"""
    WITH held AS (SELECT id, ring FROM {_TABLE} WHERE ring IN (%s, %s) ORDER BY ring {{hold}}),
    present AS (
        SELECT id FROM {ApiKey._meta.db_table}
        WHERE id = %s AND (SELECT count(*) FROM held) > 0 {{keep}}
    )
    UPDATE {_TABLE} SET next_key_id = (SELECT id FROM present)
    WHERE id = (SELECT id FROM held WHERE ring = %s)
"""  # noqa: S608 (no value)


def raise_pool_version(touched: Touched | None = None) -> int:
    """Tells every process that keys, groups or cooldowns changed; returns the new version.

    Call it in the transaction of the change. `touched` None: anything may have changed.
    """
    with transaction.atomic(savepoint=False):
        version = raise_version()
        change_log.note(version, touched)
    return version.number


def raise_version() -> Version:
    """In a transaction, which holds off every other change of the pool from here on, and in which
    `change_log.note` follows. Without the ORM: requests wait for it.
    """
    stamp = secrets.randbits(62)
    with connection.cursor() as cursor:
        cursor.execute(RAISE, [stamp, ALL_GROUPS])
        if not cursor.rowcount:
            RotationCursor.objects.get_or_create(ring=ALL_GROUPS)
            cursor.execute(RAISE, [stamp, ALL_GROUPS])
        cursor.execute(NUMBER, [ALL_GROUPS])
        return Version(cursor.fetchone()[0], stamp)


def forget_rings() -> int:
    """Removes the cursors of groups that are gone, and of sets of them that no client token has and
    no model.
    """
    circles = {frozenset([group_id]) for group_id in Group.objects.values_list("pk", flat=True)}
    sets: defaultdict[int, set[int]] = defaultdict(set)
    for token_id, group_id in ClientToken.allowed_groups.through.objects.values_list(
        "clienttoken_id", "group_id"
    ):
        sets[token_id].add(group_id)
    circles |= {frozenset(group_ids) for group_ids in sets.values()}
    used = [ALL_GROUPS, *map(ring_name, circles), *_routed()]
    return RotationCursor.objects.exclude(ring__in=used).delete()[0]


def _routed() -> list[str]:
    """The rings of models, as far as their groups are there. Where no group names models: none."""
    rows = Group.objects.values_list("pk", "models", "aliases")
    there = {pk for pk, *_ in rows}
    if not any(models or aliases for _, models, aliases in rows):
        return []
    names = RotationCursor.objects.filter(ring__startswith="groups:").values_list("ring", flat=True)
    return [name for name in names if groups_of_ring(name) <= there]


def prove_writable() -> None:
    """Raises django.db.Error: a database with a full disk may be readable and take nothing."""
    with transaction.atomic():
        _locked(ALL_GROUPS).save(update_fields=["pool_version"])


def lease_slots(size: int, available: int, picks: int) -> int:
    """How many slots of a ring to lease: whole laps, for `picks` requests at least."""
    laps = -(-picks // max(available, 1))
    return laps * size


def lease_laps(
    ring: str, key_ids: Sequence[int], slots: int, *, next_key_id: int | None = None
) -> Lease:
    """Takes the next `slots` slots of the ring under the row lock.

    It starts at the key `next_key_id`; None: where the cursor stands, or at the key that the row
    names as next if the ring has changed its size. Slots that are passed over to get there stay
    unused.
    """
    with transaction.atomic():
        cursor = _locked(ring)
        start = _aligned(cursor, key_ids, next_key_id)
        cursor.position = start + slots
        cursor.size = len(key_ids)
        cursor.save(update_fields=["position", "size"])
        return Lease(start, start + slots, _version(cursor))


def resume(ring: str, key_ids: Sequence[int], slots: int) -> Lease:
    """A process's first lease of a ring: goes on at the key that the row names as next."""
    next_key_id = (
        RotationCursor.objects.filter(ring=ring).values_list("next_key_id", flat=True).first()
    )
    return lease_laps(ring, key_ids, slots, next_key_id=next_key_id)


def take(ring: Ring, passed_over: Collection[int] = ()) -> tuple[Pick | None, int]:
    """One pick under the row lock (ROTATION_LEASE=1), and the pool's version.

    None: no key is available. `passed_over`: as `Ring.choose` has it.
    """
    key_ids = ring.key_ids
    with transaction.atomic():
        cursor = _locked(ring.name)
        start = _aligned(cursor, key_ids, None)
        index = ring.peek(start % len(ring), passed_over)
        if index is None:
            return None, _version(cursor)
        slot = start + (index - start) % len(ring)
        cursor.position = slot + 1
        cursor.size = len(ring)
        cursor.next_key_id = key_ids[(index + 1) % len(ring)]
        cursor.save(update_fields=["position", "size", "next_key"])
        return Pick(slot, ring.keys[index]), _version(cursor)


def save_progress(progress: Sequence[Progress], *, give_back: bool = False) -> None:
    """Writes whose turn is next.

    `give_back` also returns what is left of the leases, where nobody leased since.
    """
    with transaction.atomic():
        for step in sorted(progress, key=lambda step: step.ring):  # the pool's own comes first
            _tell_turn(step)
            if give_back:
                cursors = RotationCursor.objects.filter(ring=step.ring, position=step.lease_end)
                cursors.update(position=step.position)


def _tell_turn(step: Progress) -> None:
    """Nobody's when its key is gone. In one statement, for each flush has it."""
    has_locks = connection.features.has_select_for_update
    hold, keep = ("FOR UPDATE", "FOR KEY SHARE") if has_locks else ("", "")
    with connection.cursor() as cursor:
        cursor.execute(
            TELL_TURN.format(hold=hold, keep=keep),
            [ALL_GROUPS, step.ring, step.next_key_id, step.ring],
        )


def _locked(ring: str) -> RotationCursor:
    cursors = RotationCursor.objects.select_for_update()
    cursor = cursors.filter(ring=ring).first()
    if cursor is None:
        RotationCursor.objects.get_or_create(ring=ring)
        cursor = cursors.get(ring=ring)
    return cursor


def _aligned(cursor: RotationCursor, key_ids: Sequence[int], next_key_id: int | None) -> int:
    """The first free slot that belongs to the key whose turn it is."""
    size = len(key_ids)
    if next_key_id is None and cursor.size != size:
        next_key_id = cursor.next_key_id
    if next_key_id is None or next_key_id not in key_ids:
        return cursor.position
    return cursor.position + (key_ids.index(next_key_id) - cursor.position) % size


def _version(cursor: RotationCursor) -> int:
    if cursor.ring == ALL_GROUPS:
        return cursor.pool_version
    return (
        RotationCursor.objects.filter(ring=ALL_GROUPS)
        .values_list("pool_version", flat=True)
        .first()
        or 0
    )


def lock_pool() -> None:
    """Holds off every other change of the pool until the transaction ends.

    For its beginning: who first locked other rows would wait in a circle with who did this.
    """
    _locked(ALL_GROUPS)
