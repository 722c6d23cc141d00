"""A process's picture of the keys: which there are, in which order, and which may be used now.

A snapshot is replaced as a whole when the pool's version moves. Between two reloads only cooldowns that this process
itself imposes change it. Choosing a key is pure and in memory.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpx

from proxyapp.headers import Header, credentials
from proxyapp.models import Auth, KeyStatus

ALL_GROUPS = ""


@dataclass(frozen=True, slots=True)
class PoolGroup:
    """A group as requests need it: parsed once."""

    id: int
    name: str
    url: httpx.URL
    host: bytes
    prefix: bytes
    proxy_url: str | None
    auth: str

    @property
    def ring(self) -> str:
        return f"group:{self.id}"


@dataclass(frozen=True, slots=True)
class PoolKey:
    id: int
    group: PoolGroup
    secret: str
    masked: str
    status: str
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


def pool_group(fields: GroupFields) -> PoolGroup:
    parts = urlsplit(fields.target_url)
    return PoolGroup(
        id=fields.id,
        name=fields.name,
        url=httpx.URL(f"{parts.scheme}://{parts.netloc}"),
        host=parts.netloc.encode("idna" if not parts.netloc.isascii() else "ascii"),
        prefix=parts.path.rstrip("/").encode(),
        proxy_url=fields.proxy_url or None,
        auth=resolved_auth(fields.auth, parts.hostname or "", has_single_credential=fields.has_single_credential),
    )


def resolved_auth(auth: str, host: str, *, has_single_credential: bool) -> str:
    """What `auto` stands for, and `google` for a target that has refused two credentials."""
    if auth == Auth.AUTO:
        auth = Auth.GOOGLE if host == "googleapis.com" or host.endswith(".googleapis.com") else Auth.BOTH
    if auth == Auth.BOTH and has_single_credential:
        return Auth.GOOGLE
    return auth


class Ring:
    """The ordered keys of a set of groups. The available ones are kept sorted, so a choice costs O(log n).

    `cooling_until` (seconds since the epoch, by key id) is shared by all rings of a snapshot.
    """

    def __init__(self, name: str, keys: Iterable[PoolKey], cooling_until: dict[int, float]) -> None:
        self.name = name
        self.keys = tuple(keys)
        self.key_ids = tuple(key.id for key in self.keys)
        self.index = {key_id: index for index, key_id in enumerate(self.key_ids)}
        self.cooling_until = cooling_until
        self._available = [index for index, key in enumerate(self.keys) if key.is_active]
        self._cooling: list[tuple[float, int]] = []
        for key_id in cooling_until:
            self.withdraw(key_id)

    def __len__(self) -> int:
        return len(self.keys)

    def withdraw(self, key_id: int) -> None:
        """Takes a key out until its time in `cooling_until`."""
        index = self.index.get(key_id)
        if index is None or not self.keys[index].is_active:
            return
        place = bisect_left(self._available, index)
        if place < len(self._available) and self._available[place] == index:
            del self._available[place]
        heappush(self._cooling, (self.cooling_until[key_id], index))

    def choose(self, start: int, now: float) -> int | None:
        """The index of the first available key at or after `start`, around the end; None when there is none."""
        available = self.available(now)
        if not available:
            return None
        place = bisect_left(available, start)
        return available[place] if place < len(available) else available[0]

    def available(self, now: float) -> list[int]:
        """The indices of the keys that may be used at `now`, in order."""
        while self._cooling and self._cooling[0][0] <= now:
            _, index = heappop(self._cooling)
            self._put_back(index, now)
        return self._available

    def _put_back(self, index: int, now: float) -> None:
        """A cooldown may have been prolonged since, or the key be back already."""
        if self.cooling_until.get(self.keys[index].id, 0.0) > now:
            return
        place = bisect_left(self._available, index)
        if place == len(self._available) or self._available[place] != index:
            insort(self._available, index)

    def peek(self, start: int, now: float) -> int | None:
        """As `choose`, changing nothing: for other threads. O(n)."""
        size = len(self.keys)
        for step in range(size):
            index = (start + step) % size
            key = self.keys[index]
            if key.is_active and self.cooling_until.get(key.id, 0.0) <= now:
                return index
        return None

    def earliest_release(self, now: float) -> float | None:
        """When the first cooling key is good again; None when none is cooling."""
        self.available(now)
        while self._cooling:
            until, index = self._cooling[0]
            if self.cooling_until.get(self.keys[index].id) == until:
                return until
            heappop(self._cooling)
        return None


@dataclass(slots=True)
class Snapshot:
    """All rings at one version of the pool."""

    version: int
    keys: dict[int, PoolKey]
    cooling_until: dict[int, float]
    groups: dict[str, PoolGroup]
    rings: dict[str, Ring] = field(default_factory=dict)

    def ring(self, group_name: str | None) -> Ring | None:
        """The ring of all groups (None), or of the group of that name; None when there is no such group."""
        if group_name is None:
            return self.rings[ALL_GROUPS]
        group = self.groups.get(group_name) or self.groups.get(group_name.lower())
        return self.rings[group.ring] if group else None

    def cool(self, key_id: int, until: float) -> None:
        """Takes the key out of every ring until `until`; a longer cooldown that it has already stays."""
        if self.cooling_until.get(key_id, 0.0) >= until:
            return
        self.cooling_until[key_id] = until
        for name in self._rings_of(key_id):
            self.rings[name].withdraw(key_id)

    def _rings_of(self, key_id: int) -> list[str]:
        key = self.keys.get(key_id)
        return [ALL_GROUPS, key.group.ring] if key else []


def build(version: int, groups: list[PoolGroup], keys: list[PoolKey], cooling_until: dict[int, float]) -> Snapshot:
    """`groups` and `keys` in the order of rotation."""
    by_name = {group.name.lower(): group for group in groups} | {group.name: group for group in groups}
    snapshot = Snapshot(version, {key.id: key for key in keys}, cooling_until, by_name)
    members: dict[int, list[PoolKey]] = {group.id: [] for group in groups}
    for key in keys:
        members[key.group.id].append(key)
    snapshot.rings = {group.ring: Ring(group.ring, members[group.id], cooling_until) for group in groups}
    snapshot.rings[ALL_GROUPS] = Ring(ALL_GROUPS, keys, cooling_until)
    return snapshot


def group_and_path(path: bytes) -> tuple[str | None, bytes]:
    """`/g/<group>/rest` split into the group's name and `/rest`; other paths belong to all groups."""
    if not path.startswith(b"/g/"):
        return None, path
    name, slash, rest = path[3:].partition(b"/")
    if not name:
        return None, path
    return unquote(name.decode("latin-1")), slash + rest or b"/"
