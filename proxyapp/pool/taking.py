"""Takes what is new up into a process's picture of the pool, in place: it becomes what reading the
whole pool would give, and costs what changed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from proxyapp.pool.changes import CooldownRow, PoolChanges
from proxyapp.pool.key_class import KeyClass
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.members import Cut, Members, members_of
from proxyapp.pool.probation import Recovery
from proxyapp.pool.ring import new_ring
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.rounds import line_of_group
from proxyapp.pool.snapshot import Snapshot, by_name
from proxyapp.provider.kind_sets import DAY_KINDS

# Of an end that is read again: what clocks and rounding make of it.
SAME_END = 0.001
KeysOfClasses = defaultdict[KeyClass, list[PoolKey]]
Cuts = dict[KeyClass, list[Cut]]


def can_take(snapshot: Snapshot, changes: PoolChanges) -> bool:
    """Whether no scope may lack room."""
    return snapshot.cooldowns.has_room_for({row.quota_scope for row in changes.cooldowns})


def take(snapshot: Snapshot, recovery: Recovery, changes: PoolChanges, now: float) -> None:
    """Only if it `can_take` them."""
    for key_id, quota_scope in snapshot.cooldowns.over(now):
        snapshot.release(key_id, quota_scope)
    snapshot.lift_past(now)
    changes = _with_those_gone(snapshot, changes)
    _free(snapshot, changes.keys)
    _take_keys(snapshot, changes)
    for row in changes.cooldowns:
        if row.until > now:
            _cool_as_read(snapshot, row)
    _settle(snapshot, changes.keys, now)
    if changes.projects_set is not None:
        snapshot.projects_set = changes.projects_set
    snapshot.learned.take(changes.learned)
    snapshot.version, snapshot.stamp = changes.version, changes.stamp
    recovery.take(changes, now)


def exchange(
    snapshot: Snapshot, keys: dict[int, PoolKey], groups: tuple[PoolGroup, ...], now: float
) -> None:
    """Keys and groups in place of those of the same ids, at the same places.

    Cooldowns stay; holds are forgotten, as by any change of a key. `groups`: all.
    """
    kept = [
        (key_id, scope, until, snapshot.cooldowns.is_daily(key_id, scope, until))
        for key_id in keys
        for scope in snapshot.cooldowns.scopes_of(key_id)
        if (until := snapshot.cooldowns.of_scope(scope)[key_id]) > now
    ]
    _free(snapshot, keys)
    known = snapshot.version, snapshot.stamp
    none = frozenset[str]()
    _take_keys(snapshot, PoolChanges(*known, {**keys}, groups, frozenset(), none, [], False))
    for key_id, scope, until, is_daily in kept:
        snapshot.cool(key_id, until, quota_scope=scope, is_daily=is_daily)
    _settle(snapshot, keys, now)


def _free(snapshot: Snapshot, key_ids: Iterable[int]) -> None:
    for key_id in key_ids:
        for quota_scope in snapshot.cooldowns.holds.scopes_of(key_id):
            snapshot.lift([key_id], quota_scope)
        for quota_scope in snapshot.cooldowns.scopes_of(key_id):
            snapshot.release(key_id, quota_scope)


def _settle(snapshot: Snapshot, key_ids: Iterable[int], now: float) -> None:
    for key_id in key_ids:
        for ring in snapshot.rings_of(key_id):
            ring.settle(key_id, now)


def _with_those_gone(snapshot: Snapshot, changes: PoolChanges) -> PoolChanges:
    """Also the keys of groups that are gone, or that have others now."""
    gone = {
        key.id: None
        for group_id in changes.read_groups
        if (group := snapshot.order.get(group_id)) is not None
        for key in snapshot.rings[group.ring].keys
        if key.id not in changes.keys
    }
    return replace(changes, keys={**changes.keys, **gone}) if gone else changes


def _take_keys(snapshot: Snapshot, changes: PoolChanges) -> None:
    """As if none had a cooldown."""
    gone, new = KeysOfClasses(list), KeysOfClasses(list)
    for key_id, key in changes.keys.items():
        old = snapshot.keys.get(key_id)
        if old is not None:
            snapshot.count_out(old)
        if key is not None:
            snapshot.count_in(key)
        if old is not None and key is not None and old.place == key.place:
            snapshot.keys[key_id] = key
            for ring in snapshot.rings_of(key_id):
                ring.replace(key)
            continue
        if old is not None:
            gone[old.key_class].append(old)
        if key is not None:
            new[key.key_class].append(key)
    is_rearranged = changes.groups is not None and _take_groups(snapshot, changes.groups)
    _rearrange(snapshot, gone, new, is_rearranged=is_rearranged)
    _drop_groups(snapshot)


def _take_groups(snapshot: Snapshot, groups: tuple[PoolGroup, ...]) -> bool:
    """Whether the turns of whole groups come elsewhere, or more or less often."""
    before = [_turns(group) for group in snapshot.order.values()]
    snapshot.order = {group.id: group for group in groups}
    snapshot.groups = by_name(groups)
    snapshot.names_models = any(group.names_models for group in groups)
    snapshot.is_plain = all(group.is_plain for group in groups)
    snapshot.is_sticky = any(group.sticky for group in groups)
    for group in groups:
        if group.ring not in snapshot.rings:
            line = line_of_group(group, {})
            ring = new_ring(group.ring, line, snapshot.keys, snapshot.cooldowns, snapshot.projects)
            snapshot.rings[group.ring] = ring
    return before != [_turns(group) for group in groups]


def _turns(group: PoolGroup) -> tuple[int, int, bool]:
    """Priorities are those of their keys."""
    return group.id, group.weight, group.is_weighted


def _rearrange(
    snapshot: Snapshot, gone: KeysOfClasses, new: KeysOfClasses, *, is_rearranged: bool
) -> None:
    """Keys leave their places and come to theirs."""
    cuts: Cuts = {}
    groups: dict[int, dict[KeyClass, Members]] = {}
    for each in gone.keys() | new.keys():
        if (group := snapshot.order.get(each.group_id)) is not None:
            classes = groups.setdefault(group.id, dict(snapshot.rings[group.ring].line.classes))
            members = classes.pop(each, None) or members_of([])
            cuts[each] = members.cuts(gone[each], new[each])
            if (cut := members.cut(cuts[each])).keys:
                classes[each] = cut
    for group_id, classes in groups.items():
        group = snapshot.order[group_id]
        ring, line = snapshot.rings[group.ring], line_of_group(group, classes)
        snapshot.rings[ring.name] = ring.in_line(line, cuts)
    if is_rearranged or gone or new:
        for name in [ALL_GROUPS, *snapshot.circles]:
            if is_rearranged or _holds(snapshot, name, cuts):
                line = snapshot.line_of(name)
                snapshot.rings[name] = snapshot.rings[name].in_line(line, cuts)
    for keys in gone.values():
        for key in keys:
            del snapshot.keys[key.id]
    for keys in new.values():
        for key in keys:
            snapshot.keys[key.id] = key


def _holds(snapshot: Snapshot, name: str, cuts: Cuts) -> bool:
    circle = snapshot.circles.get(name)
    return circle is None or any(each.group_id in circle for each in cuts)


def _drop_groups(snapshot: Snapshot) -> None:
    """The rings of groups that are gone."""
    snapshot.forget_routes()
    there = {ALL_GROUPS, *snapshot.circles, *(group.ring for group in snapshot.order.values())}
    for name in snapshot.rings.keys() - there:
        del snapshot.rings[name]


def _cool_as_read(snapshot: Snapshot, row: CooldownRow) -> None:
    """This process's own are in force already."""
    known, is_daily = snapshot.cooldowns.of_scope(row.quota_scope), row.kind in DAY_KINDS
    for owner in snapshot.sharing(row.key_id, row.project):
        if known.get(owner, 0.0) < row.until - SAME_END:
            snapshot.cool(owner, row.until, quota_scope=row.quota_scope, is_daily=is_daily)
