"""A process's picture of the keys: which there are, in which order, and which may be used now.

When the pool's version moves it takes up what is new, or is replaced as a whole where that may be
anything. In between only cooldowns that this process itself imposes change it.
"""

from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import unquote

from proxyapp.pool.changes import CooldownRow, PoolChanges
from proxyapp.pool.cooldowns import EVERY_SCOPE, Cooldowns
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.probation import PastRefusals
from proxyapp.pool.ring import Ring, turns_of
from proxyapp.pool.ring_names import ALL_GROUPS, ring_name
from proxyapp.provider.kind_sets import DAY_KINDS
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import KeyState

# Of an end that is read again: what clocks and rounding make of it.
SAME_END = 0.001


@dataclass(slots=True)
class Snapshot:
    """All rings at one version of the pool.

    `past_refusals`: what they mean beyond their cooldowns; `shared_rings`: by group, the names
    of the rings of several groups that it is in; `stamp`: the version's, in this database;
    `standing`: how many keys there are of each status, those that cannot be read apart.
    """

    version: int
    keys: dict[int, PoolKey]
    cooldowns: Cooldowns
    groups: dict[str, PoolGroup]
    rings: dict[str, Ring] = field(default_factory=dict)
    projects: dict[str, list[int]] = field(default_factory=dict)
    past_refusals: PastRefusals = field(default_factory=PastRefusals)
    shared_rings: dict[int, list[str]] = field(default_factory=dict)
    stamp: int = 0
    standing: Counter[str] = field(default_factory=Counter)

    def ring(self, group_name: str | None) -> Ring | None:
        """That of all groups (None), or of the group of that name; None: there is no such group."""
        if group_name is None:
            return self.rings[ALL_GROUPS]
        group = self.groups.get(group_name) or self.groups.get(group_name.lower())
        return self.rings[group.ring] if group else None

    def ring_of_groups(self, group_ids: frozenset[int], group_name: str | None) -> Ring | None:
        """That of these groups, or of the one of them with the name; None: none of them has it."""
        if group_name is None:
            return self.rings.get(ring_name(group_ids)) if group_ids else None
        group = self.groups.get(group_name) or self.groups.get(group_name.lower())
        return self.rings[group.ring] if group and group.id in group_ids else None

    def add_ring(self, group_ids: frozenset[int]) -> None:
        """For those who may use these groups only.

        Rotation goes round in it by itself, as in every ring.
        """
        name = ring_name(group_ids)
        if name in self.rings or not group_ids:
            return
        keys = [key for key in self.keys.values() if key.group.id in group_ids]
        self.rings[name] = Ring(name, turns_of(keys), self.cooldowns)
        for group_id in group_ids:
            self.shared_rings.setdefault(group_id, []).append(name)

    def sharing(self, key_id: int, project: str) -> list[int]:
        """The key and those that share its quota, when the quota is the project's."""
        return [key_id, *(other for other in self.projects.get(project, ()) if other != key_id)]

    def cool(
        self, key_id: int, until: float, *, quota_scope: str = EVERY_SCOPE, is_daily: bool = False
    ) -> None:
        """Takes the key out of every ring until then; a longer cooldown that it has stays."""
        if forgotten := self.cooldowns.make_room(quota_scope):
            for ring in self.rings.values():
                ring.forget(forgotten)
        is_new = key_id not in self.cooldowns.of_scope(quota_scope)
        if not self.cooldowns.extend(key_id, quota_scope, until, is_daily=is_daily):
            return
        for ring in self._rings_of(key_id):
            ring.withdraw(key_id, quota_scope, is_new=is_new)

    def can_take(self, changes: PoolChanges) -> bool:
        """Whether no ring gets another key or another order, and no scope may lack room."""
        for key_id, key in changes.keys.items():
            known = self.keys.get(key_id)
            if (known and known.place) != (key and key.place):
                return False
        return self.cooldowns.has_room_for({row.quota_scope for row in changes.cooldowns})

    def take(self, changes: PoolChanges, now: float) -> None:
        """Makes of this snapshot what reading the whole pool would give, in place.

        Only if it `can_take` them.
        """
        for key_id, quota_scope in self.cooldowns.over(now):
            self._release(key_id, quota_scope)
        known = [key for key in changes.keys.values() if key is not None]
        for key in known:
            self._replace(key)
        for row in changes.cooldowns:
            if row.until > now:
                self._cool_as_read(row)
        for key in known:
            for ring in self._rings_of(key.id):
                ring.settle(key.id, now)
        self.version, self.stamp = changes.version, changes.stamp

    def _cool_as_read(self, row: CooldownRow) -> None:
        """This process's own are in force already."""
        known, is_daily = self.cooldowns.of_scope(row.quota_scope), row.kind in DAY_KINDS
        for owner in self.sharing(row.key_id, row.project):
            if known.get(owner, 0.0) < row.until - SAME_END:
                self.cool(owner, row.until, quota_scope=row.quota_scope, is_daily=is_daily)

    def _replace(self, key: PoolKey) -> None:
        """Without any cooldown."""
        for quota_scope in self.cooldowns.scopes_of(key.id):
            self._release(key.id, quota_scope)
        old, self.keys[key.id] = self.keys[key.id], key
        self.standing[old.standing] -= 1
        self.standing[key.standing] += 1
        if old.project != key.project:
            self._leave_project(old)
            if key.project:
                self.projects.setdefault(key.project, []).append(key.id)
        for ring in self._rings_of(key.id):
            ring.replace(key)

    def _leave_project(self, key: PoolKey) -> None:
        if key.project:
            self.projects[key.project].remove(key.id)
            if not self.projects[key.project]:
                del self.projects[key.project]

    def _release(self, key_id: int, quota_scope: str) -> None:
        self.cooldowns.remove(key_id, quota_scope)
        for ring in self._rings_of(key_id):
            ring.leave(key_id, quota_scope)

    def key_states(self, now: float) -> Counter[str]:
        """How many keys are in each state; a step a group, however many keys there are."""
        rings = {group.ring: self.rings[group.ring] for group in self.groups.values()}
        available = sum(len(ring.available(now)) for ring in rings.values())
        states = Counter(self.standing)
        states[KeyState.COOLING] = states.pop(KeyStatus.ACTIVE, 0) - available
        states[KeyState.AVAILABLE] = available
        return states

    def shift(self, seconds: float) -> None:
        """The clock was set by so much; cooldowns last as long as before."""
        self.cooldowns.shift(seconds)
        for ring in self.rings.values():
            ring.shift(seconds)

    def _rings_of(self, key_id: int) -> list[Ring]:
        key = self.keys.get(key_id)
        if key is None:
            return []
        names = [ALL_GROUPS, key.group.ring, *self.shared_rings.get(key.group.id, ())]
        return [self.rings[name] for name in names]


def build(
    version: int, groups: list[PoolGroup], keys: list[PoolKey], cooldowns: Cooldowns
) -> Snapshot:
    """`groups` and `keys` in the order of rotation."""
    by_name = {group.name.lower(): group for group in groups} | {
        group.name: group for group in groups
    }
    snapshot = Snapshot(version, {key.id: key for key in keys}, cooldowns, by_name)
    members: dict[int, list[PoolKey]] = {group.id: [] for group in groups}
    for key in keys:
        members[key.group.id].append(key)
        snapshot.standing[key.standing] += 1
        if key.project:
            snapshot.projects.setdefault(key.project, []).append(key.id)
    snapshot.rings = {
        group.ring: Ring(group.ring, members[group.id], cooldowns) for group in groups
    }
    snapshot.rings[ALL_GROUPS] = Ring(ALL_GROUPS, turns_of(keys), cooldowns)
    return snapshot


def group_and_path(path: bytes) -> tuple[str | None, bytes]:
    """`/g/<group>/rest` as the group's name and `/rest`; other paths belong to all groups."""
    if not path.startswith(b"/g/"):
        return None, path
    name, slash, rest = path[3:].partition(b"/")
    if not name:
        return None, path
    return unquote(name.decode("latin-1")), slash + rest or b"/"
