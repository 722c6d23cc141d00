"""A process's picture of the keys: which there are, in which order, and which may be used now.

A snapshot is replaced as a whole when the pool's version moves. Between two reloads only cooldowns
that this process itself imposes change it.
"""

from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import unquote

from proxyapp.pool.cooldowns import EVERY_SCOPE, Cooldowns
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.probation import PastRefusals
from proxyapp.pool.ring import Ring, turns_of
from proxyapp.pool.ring_names import ALL_GROUPS, ring_name
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import KeyState


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
        if not self.cooldowns.extend(key_id, quota_scope, until, is_daily=is_daily):
            return
        for name in self._rings_of(key_id):
            self.rings[name].withdraw(key_id, quota_scope)

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

    def _rings_of(self, key_id: int) -> list[str]:
        key = self.keys.get(key_id)
        return [ALL_GROUPS, key.group.ring, *self.shared_rings.get(key.group.id, ())] if key else []


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
