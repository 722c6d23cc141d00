"""A process's picture of the keys: which there are, in which order, and which may be used now.

When the pool's version moves it takes up what is new, or is replaced as a whole where that may be
anything. In between only cooldowns and holds that this process itself imposes change it.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from proxyapp.pool.changes import KnownPool
from proxyapp.pool.cooldowns import EVERY_SCOPE, Cooldowns
from proxyapp.pool.key_class import KeyClass
from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.learned_limits import LearnedLimits
from proxyapp.pool.line import Line
from proxyapp.pool.members import members_of
from proxyapp.pool.model_choices import ModelChoices
from proxyapp.pool.model_turns import ModelTurns
from proxyapp.pool.probation import PastRefusals
from proxyapp.pool.ring import Ring, new_ring
from proxyapp.pool.ring_names import ALL_GROUPS, ring_name
from proxyapp.pool.rounds import line_of_group, line_of_groups
from proxyapp.provider.features import plain_scope
from proxyapp.vocabulary.choices import KeyStatus, Sticky
from proxyapp.vocabulary.key_states import KeyState
from proxyapp.vocabulary.project_fields import ProjectSettings

# Sets of groups that have a model; a ring takes a few bytes a key. What is beyond them turns in the
# ring of all.
MOST_ROUTED: Final = 64


@dataclass(slots=True)
class Snapshot:
    """All rings at one version of the pool.

    `order`: the groups by id, in the order of rotation; `groups`: by name. `past_refusals`: what
    they mean beyond their cooldowns. `circles`: by the names of rings of some groups, which these
    are; `shared_rings`: by group, the names of those that it is in; `routed`: those that were made
    for models. `of_hash`: keys by the hash of their secret. `names_models`: whether a group does;
    `is_plain`: whether all are. `is_sticky`: whether a group is; `sticky_rings`: how, as far as it
    was asked. `stamp`: the version's, in this database; `standing`: how many keys there are of each
    status, those that cannot be read apart. `projects_set`: what is set of projects, by name;
    `keys_with_limits`: how many keys have limits of their own; `learned`: what refusals told of
    limits.
    """

    version: int
    keys: dict[int, PoolKey]
    cooldowns: Cooldowns
    groups: dict[str, PoolGroup]
    order: dict[int, PoolGroup]
    rings: dict[str, Ring] = field(default_factory=dict)
    projects: dict[str, list[int]] = field(default_factory=dict)
    of_hash: dict[str, int] = field(default_factory=dict)
    past_refusals: PastRefusals = field(default_factory=PastRefusals)
    circles: dict[str, frozenset[int]] = field(default_factory=dict)
    shared_rings: dict[int, list[str]] = field(default_factory=dict)
    routed: set[str] = field(default_factory=set)
    names_models: bool = False
    is_plain: bool = True
    is_sticky: bool = False
    sticky_rings: dict[str, str] = field(default_factory=dict)
    model_turns: ModelTurns = field(default_factory=ModelTurns)
    model_choices: dict[tuple[str, str], ModelChoices] = field(default_factory=dict)
    stamp: int = 0
    standing: Counter[str] = field(default_factory=Counter)
    projects_set: dict[str, ProjectSettings] = field(default_factory=dict)
    keys_with_limits: int = 0
    learned: LearnedLimits = field(default_factory=LearnedLimits)

    @property
    def known(self) -> KnownPool:
        return KnownPool(self.version, self.stamp, self.order)

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

    def groups_of(self, ring: str) -> list[PoolGroup]:
        """Those whose keys are in the ring."""
        circle = self.circles.get(ring, frozenset())
        return [
            group
            for group in self.order.values()
            if ring in (ALL_GROUPS, group.ring) or group.id in circle
        ]

    def add_ring(self, group_ids: frozenset[int]) -> None:
        """For those who may use these groups only.

        Rotation goes round in it by itself, as in every ring.
        """
        name = ring_name(group_ids)
        if name in self.rings or not group_ids:
            return
        self.circles[name] = group_ids
        self.rings[name] = new_ring(
            name, self.line_of(name), self.keys, self.cooldowns, self.projects
        )
        for group_id in group_ids:
            self.shared_rings.setdefault(group_id, []).append(name)

    def ring_of_set(self, group_ids: frozenset[int]) -> Ring | None:
        """That of exactly these groups, for a model that they have; made when it is first asked.

        None: there are too many of these.
        """
        name = ring_name(group_ids)
        if name not in self.rings:
            if len(self.routed) >= MOST_ROUTED:
                return None
            self.add_ring(group_ids)
            self.routed.add(name)
        return self.rings[name]

    def stickiness(self, ring: str) -> str:
        """Of the ring: where groups take turns, what one asks for holds for all. Empty: none does.

        By the prefix is by the session, too.
        """
        found = self.sticky_rings.get(ring)
        if found is None:
            modes = {group.sticky for group in self.groups_of(ring)}
            found = next((mode for mode in (Sticky.PREFIX, Sticky.SESSION) if mode in modes), "")
            self.sticky_rings[ring] = found
        return found

    def keep_routes(self, before: "Snapshot") -> None:
        """Of a snapshot that this one replaces."""
        self.model_turns = before.model_turns
        for name in before.routed:
            group_ids = before.circles[name]
            if group_ids <= self.order.keys():
                self.ring_of_set(group_ids)

    def forget_routes(self) -> None:
        """Those of groups that are gone, and what names of models led to."""
        self.model_choices.clear()
        self.sticky_rings.clear()
        for name in [each for each in self.routed if not self.circles[each] <= self.order.keys()]:
            self.routed.remove(name)
            for group_id in self.circles.pop(name):
                self.shared_rings[group_id].remove(name)

    def line_of(self, name: str) -> Line:
        """The order of the turns in a ring of several groups, by what there is now."""
        circle = self.circles.get(name)
        groups = [each for each in self.order.values() if circle is None or each.id in circle]
        return line_of_groups(
            groups, {each.id: self.rings[each.ring].line.classes for each in groups}
        )

    def count_in(self, key: PoolKey) -> None:
        self.standing[key.standing] += 1
        self.keys_with_limits += key.has_limits
        if key.project:
            self.projects.setdefault(key.project, []).append(key.id)
        if key.key_hash:
            self.of_hash[key.key_hash] = key.id

    def count_out(self, key: PoolKey) -> None:
        self.standing[key.standing] -= 1
        self.keys_with_limits -= key.has_limits
        if key.project:
            self.projects[key.project].remove(key.id)
            if not self.projects[key.project]:
                del self.projects[key.project]
        if self.of_hash.get(key.key_hash) == key.id:
            del self.of_hash[key.key_hash]

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
            for held in self.cooldowns.holds.keys_of(forgotten):
                for ring in self.rings_of(held):
                    ring.hold(held, forgotten, is_new=True)
        is_new = key_id not in self.cooldowns.of_scope(quota_scope)
        if not self.cooldowns.extend(key_id, quota_scope, until, is_daily=is_daily):
            return
        for ring in self.rings_of(key_id):
            ring.withdraw(key_id, quota_scope, is_new=is_new)

    def release(self, key_id: int, quota_scope: str) -> None:
        """Forgets a cooldown; `Ring.settle` follows where it was not over."""
        self.cooldowns.remove(key_id, quota_scope)
        for ring in self.rings_of(key_id):
            ring.leave(key_id, quota_scope)

    def hold(
        self, key_ids: Collection[int], quota_scope: str, until: float, *, is_daily: bool = False
    ) -> bool:
        """Passes the keys over until then, in place of the holds that they have for the scope.

        False: there is no room for the scope. A reload forgets holds, a change of a key its own.
        """
        quota_scope, holds = plain_scope(quota_scope), self.cooldowns.holds
        if not holds.has_room_for(quota_scope):
            return False
        for key_id in key_ids:
            if key_id in self.keys and holds.until(key_id, quota_scope) != until:
                is_new = holds.put(key_id, quota_scope, until, is_daily=is_daily)
                for ring in self.rings_of(key_id):
                    ring.hold(key_id, quota_scope, is_new=is_new)
        return True

    def lift(self, key_ids: Collection[int], quota_scope: str) -> None:
        """Of the keys that are held for the scope."""
        quota_scope = plain_scope(quota_scope)
        for key_id in key_ids:
            if self.cooldowns.holds.drop(key_id, quota_scope):
                for ring in self.rings_of(key_id):
                    ring.lift(key_id, quota_scope)

    def lift_past(self, now: float) -> None:
        """The holds that are over; a scope of which none is left turns with the others again."""
        for key_id, quota_scope in self.cooldowns.holds.over(now):
            self.lift([key_id], quota_scope)

    def key_states(self, now: float) -> Counter[str]:
        """How many keys are in each state; a step a group, however many keys there are.

        And one for each that is held for every scope, which is no state.
        """
        rings = [self.rings[group.ring] for group in self.order.values()]
        available = sum(ring.count_keys(now) for ring in rings)
        for key_id in self.cooldowns.holds.keys_of(EVERY_SCOPE):
            is_cooling = self.cooldowns.cooling_until(key_id) > now
            is_held = self.cooldowns.holds.until(key_id, EVERY_SCOPE) > now
            available += is_held and not is_cooling and self.keys[key_id].is_active
        states = Counter(self.standing)
        states[KeyState.COOLING] = states.pop(KeyStatus.ACTIVE, 0) - available
        states[KeyState.AVAILABLE] = available
        return states

    def shift(self, seconds: float) -> None:
        """The clock was set by so much; cooldowns last as long as before."""
        self.cooldowns.shift(seconds)
        for ring in self.rings.values():
            ring.shift(seconds)

    def rings_of(self, key_id: int) -> list[Ring]:
        key = self.keys.get(key_id)
        if key is None:
            return []
        names = [ALL_GROUPS, key.group.ring, *self.shared_rings.get(key.group.id, ())]
        return [self.rings[name] for name in names]


def build(
    version: int, groups: list[PoolGroup], keys: list[PoolKey], cooldowns: Cooldowns
) -> Snapshot:
    """`groups` and `keys` in the order of rotation."""
    snapshot = Snapshot(
        version,
        {key.id: key for key in keys},
        cooldowns,
        by_name(groups),
        {group.id: group for group in groups},
        names_models=any(group.names_models for group in groups),
        is_plain=all(group.is_plain for group in groups),
        is_sticky=any(group.sticky for group in groups),
    )
    classes: dict[int, dict[KeyClass, list[PoolKey]]] = {group.id: {} for group in groups}
    for key in keys:
        classes[key.group.id].setdefault(key.key_class, []).append(key)
        snapshot.count_in(key)
    for group in groups:
        of_class = classes[group.id]
        line = line_of_group(group, {each: members_of(of_class[each]) for each in of_class})
        snapshot.rings[group.ring] = new_ring(
            group.ring, line, snapshot.keys, cooldowns, snapshot.projects
        )
    line = snapshot.line_of(ALL_GROUPS)
    snapshot.rings[ALL_GROUPS] = new_ring(
        ALL_GROUPS, line, snapshot.keys, cooldowns, snapshot.projects
    )
    return snapshot


def by_name(groups: Iterable[PoolGroup]) -> dict[str, PoolGroup]:
    """Also in lower case, which no other group's name in full comes behind."""
    there = list(groups)
    return {group.name.lower(): group for group in there} | {group.name: group for group in there}
