"""A process's picture of the keys: which there are, in which order, and which may be used now.

A snapshot is replaced as a whole when the pool's version moves. Between two reloads only cooldowns
that this process itself imposes change it. Choosing a key is pure and in memory.
"""

import hashlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpx

from proxyapp.pool.cooldowns import ALL_MODELS, Cooldowns, Release, View
from proxyapp.pool.probation import Trouble
from proxyapp.provider.credentials import credentials
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.choices import Auth, KeyStatus, RateLimitPolicy

ALL_GROUPS = ""
LONGEST_RING_NAME = 100


@dataclass(frozen=True, slots=True)
class PoolGroup:
    """A group as requests need it: parsed once."""

    id: int
    name: str
    url: httpx.URL
    host: bytes
    prefix: bytes
    proxy_url: str | None = field(repr=False)
    auth: str
    policy: str = RateLimitPolicy.DAILY
    priority: int = 0
    weight: int = 1
    ca_certificates: str = ""
    is_link_local_allowed: bool = False

    @property
    def ring(self) -> str:
        return ring_name([self.id])


@dataclass(frozen=True, slots=True)
class PoolKey:
    id: int
    group: PoolGroup
    secret: str = field(repr=False)
    masked: str
    status: str
    project: str = ""
    key_hash: str = ""
    is_readable: bool = True

    @property
    def is_active(self) -> bool:
        return self.is_readable and self.status == KeyStatus.ACTIVE

    def credentials(self, auth: str, *, is_openai: bool) -> list[Header]:
        return credentials(auth, self.secret.encode(), is_openai=is_openai)


class GroupFields(NamedTuple):
    id: int
    name: str
    target_url: str
    proxy_url: str | None
    auth: str
    has_single_credential: bool
    policy: str = RateLimitPolicy.DAILY
    priority: int = 0
    weight: int = 1
    ca_certificates: str = ""
    is_link_local_allowed: bool = False

    def __repr__(self) -> str:
        """Without the password of the proxy."""
        return f"GroupFields({self.id}, {self.name!r})"


def pool_group(fields: GroupFields) -> PoolGroup:
    parts = urlsplit(fields.target_url)
    return PoolGroup(
        id=fields.id,
        name=fields.name,
        url=httpx.URL(f"{parts.scheme}://{parts.netloc}"),
        host=parts.netloc.encode("idna" if not parts.netloc.isascii() else "ascii"),
        prefix=parts.path.rstrip("/").encode(),
        proxy_url=fields.proxy_url or None,
        auth=resolved_auth(
            fields.auth, parts.hostname or "", has_single_credential=fields.has_single_credential
        ),
        policy=fields.policy,
        priority=fields.priority,
        weight=fields.weight,
        ca_certificates=fields.ca_certificates,
        is_link_local_allowed=fields.is_link_local_allowed,
    )


def resolved_auth(auth: str, host: str, *, has_single_credential: bool) -> str:
    """What `auto` stands for, and `google` for a target that has refused two credentials."""
    if auth == Auth.AUTO:
        auth = (
            Auth.GOOGLE
            if host == "googleapis.com" or host.endswith(".googleapis.com")
            else Auth.BOTH
        )
    if auth == Auth.BOTH and has_single_credential:
        return Auth.GOOGLE
    return auth


class Ring:
    """The ordered keys of a set of groups, and which of them may be used for which model.

    A key with more weight stands in it more than once. Keys come by priority: those of a higher
    number have a turn only when none of a lower one is available.
    """

    def __init__(self, name: str, keys: Iterable[PoolKey], cooldowns: Cooldowns) -> None:
        self.name = name
        self.keys = tuple(keys)
        self.key_ids = tuple(key.id for key in self.keys)
        self.index: dict[int, list[int]] = {}
        for index, key_id in enumerate(self.key_ids):
            self.index.setdefault(key_id, []).append(index)
        self._ends = ends_of_priorities(self.keys)
        self.cooldowns = cooldowns
        active = [index for index, key in enumerate(self.keys) if key.is_active]
        self._views = {ALL_MODELS: View(active, ()).narrowed(self._cooling(ALL_MODELS))}
        for model in cooldowns.models():
            if cooling := self._cooling(model):
                self._views[model] = self._views[ALL_MODELS].narrowed(cooling)

    def __len__(self) -> int:
        return len(self.keys)

    def _cooling(self, model: str) -> dict[int, float]:
        """Until when, by index, the active keys that have a cooldown of exactly this model."""
        cooling = self.cooldowns.of_model(model)
        found = (
            (index, until)
            for key_id, until in cooling.items()
            for index in self.index.get(key_id, ())
        )
        return {index: until for index, until in found if self.keys[index].is_active}

    def withdraw(self, key_id: int, model: str = ALL_MODELS) -> None:
        """Takes a key out until its time in `cooldowns`."""
        indices = self.index.get(key_id, ())
        if not indices or not self.keys[indices[0]].is_active:
            return
        until = self.cooldowns.of_model(model)[key_id]
        if model != ALL_MODELS and model not in self._views:
            self._views[model] = self._views[ALL_MODELS].narrowed(dict.fromkeys(indices, until))
            return
        for view in self._views.values() if model == ALL_MODELS else [self._views[model]]:
            for index in indices:
                view.withdraw(index, until)

    def is_narrowed(self, model: str) -> bool:
        """Whether the model has cooldowns of its own here, so that its turns are not
        everybody's.
        """
        return model in self._views and model != ALL_MODELS

    def available(self, now: float, model: str = ALL_MODELS) -> list[int]:
        """The indices of the keys that may be used at `now`, in order."""
        view = self._views.get(model) or self._views[ALL_MODELS]
        if view.is_due(now):
            view.put_back(now, lambda index: self.cooldowns.until(self.key_ids[index], model))
        return view.available

    def choose(self, start: int, now: float, model: str = ALL_MODELS) -> int | None:
        """The index of the first available key at or after `start`, around the end; None when there
        is none.
        """
        available = self.available(now, model)
        if not available:
            return None
        end = bisect_left(available, self._ends[available[0]]) if self._ends else len(available)
        place = bisect_left(available, start, 0, end)
        return available[place] if place < end else available[0]

    def peek(self, start: int, now: float) -> int | None:
        """As `choose` for a model without cooldowns, changing nothing: for other threads. O(n)."""
        free = [
            i
            for i, key in enumerate(self.keys)
            if key.is_active and self.cooldowns.until(key.id) <= now
        ]
        if not free:
            return None
        end = self._ends[free[0]] if self._ends else len(self.keys)
        return next((index for index in free if start <= index < end), free[0])

    def earliest_release(self, now: float, model: str = ALL_MODELS) -> Release | None:
        """When the first cooling key is good again for the model; None when none is cooling."""
        self.available(now, model)
        view = self._views.get(model, self._views[ALL_MODELS])
        first = view.earliest(lambda index: self.cooldowns.until(self.key_ids[index], model))
        if first is None or first[0] == math.inf:
            return None
        until, index = first
        return Release(until, self.cooldowns.is_daily(self.key_ids[index], model, until))


def ends_of_priorities(keys: Sequence[PoolKey]) -> list[int]:
    """For each index where the keys of its priority end; empty when all have the same.

    The keys come by priority.
    """
    priorities = [key.group.priority for key in keys]
    if len(set(priorities)) <= 1:
        return []
    return [bisect_right(priorities, priority) for priority in priorities]


def turns_of(keys: Iterable[PoolKey]) -> list[PoolKey]:
    """By priority, and then round after round: in the second those that have a weight of two or
    more, and so on.
    """
    ordered = sorted(keys, key=lambda key: key.group.priority)
    found: list[PoolKey] = []
    for _, equals in groupby(ordered, key=lambda key: key.group.priority):
        members = list(equals)
        for turn in range(max(key.group.weight for key in members)):
            found += [key for key in members if key.group.weight > turn]
    return found


@dataclass(slots=True)
class Snapshot:
    """All rings at one version of the pool.

    `trouble`: what recent refusals mean beyond their cooldowns; `shared_rings`: by group, the names
    of the rings of several groups that it is in.
    """

    version: int
    keys: dict[int, PoolKey]
    cooldowns: Cooldowns
    groups: dict[str, PoolGroup]
    rings: dict[str, Ring] = field(default_factory=dict)
    projects: dict[str, list[int]] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)
    shared_rings: dict[int, list[str]] = field(default_factory=dict)

    def ring(self, group_name: str | None) -> Ring | None:
        """The ring of all groups (None), or of the group of that name; None when there is no such
        group.
        """
        if group_name is None:
            return self.rings[ALL_GROUPS]
        group = self.groups.get(group_name) or self.groups.get(group_name.lower())
        return self.rings[group.ring] if group else None

    def ring_of_groups(self, group_ids: frozenset[int], group_name: str | None) -> Ring | None:
        """That of these groups, or of the one of them that has the name; None when there is none of
        them.
        """
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
        self, key_id: int, until: float, *, model: str = ALL_MODELS, is_daily: bool = False
    ) -> None:
        """Takes the key out of every ring until `until`; a longer cooldown that it has already
        stays.
        """
        if not self.cooldowns.extend(key_id, model, until, is_daily=is_daily):
            return
        for name in self._rings_of(key_id):
            self.rings[name].withdraw(key_id, model)

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
        if key.project:
            snapshot.projects.setdefault(key.project, []).append(key.id)
    snapshot.rings = {
        group.ring: Ring(group.ring, members[group.id], cooldowns) for group in groups
    }
    snapshot.rings[ALL_GROUPS] = Ring(ALL_GROUPS, turns_of(keys), cooldowns)
    return snapshot


def ring_name(group_ids: Collection[int]) -> str:
    """`group:7`, `groups:3,7`; of very many groups a hash of that, for names are kept in the
    database.
    """
    if len(group_ids) == 1:
        return f"group:{next(iter(group_ids))}"
    name = "groups:" + ",".join(map(str, sorted(group_ids)))
    return (
        name
        if len(name) <= LONGEST_RING_NAME
        else f"groups:{hashlib.sha256(name.encode()).hexdigest()}"
    )


def group_and_path(path: bytes) -> tuple[str | None, bytes]:
    """`/g/<group>/rest` split into the group's name and `/rest`; other paths belong to all
    groups.
    """
    if not path.startswith(b"/g/"):
        return None, path
    name, slash, rest = path[3:].partition(b"/")
    if not name:
        return None, path
    return unquote(name.decode("latin-1")), slash + rest or b"/"
