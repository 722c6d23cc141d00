"""Where every key stands at a moment: what the database says, and what follows from it.

Four queries, however many keys there are. The facts hold until the pool's version moves; only time
changes what follows from them.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import NamedTuple

from proxyapp.models import ApiKey, Group, RateLimitEvent
from proxyapp.models.key_state import key_state_of
from proxyapp.models.sealed import UNREADABLE
from proxyapp.pool.store import pool_version
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import KeyState
from proxyapp.vocabulary.times import iso_utc

STATES = tuple(KeyState)
CODES = {state: code for code, state in enumerate(STATES)}
STATE, MODELS_OUT = 1, 3
AVAILABLE, COOLING = CODES[KeyState.AVAILABLE], CODES[KeyState.COOLING]
DISABLED, INVALID = CODES[KeyState.DISABLED], CODES[KeyState.INVALID]
Owner = int | str  # a key's id, or the label of a project
# A key's id, the code of its state, its end (seconds since the epoch; 0 unless it is cooling), and
# how many models it is out for besides.
Row = list[int]


class GroupFacts(NamedTuple):
    """Not readable: SECRET_KEY does not open its proxy URL."""

    id: int
    name: str
    is_readable: bool = True
    is_off: bool = False


class StandingKey(NamedTuple):
    """What is read of all keys; what they are called is read of the few that are named."""

    id: int
    group_id: int
    project: str
    status: str


class CooldownFacts(NamedTuple):
    """`model`: empty for every model. `project`: empty for the key alone."""

    key_id: int
    project: str
    model: str
    kind: str
    occurred_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """Groups and keys in the order of rotation, cooldowns in the order in which they end."""

    version: int
    groups: Sequence[GroupFacts]
    keys: Sequence[StandingKey]
    cooldowns: Sequence[CooldownFacts]


def read_facts(now: datetime) -> PoolFacts:
    """The version is read first: a change that slips in is seen by the next look at the version."""
    version = pool_version()
    columns_of_group = ("id", "name", "proxy_url", "proxy_pool", "enabled", "off_until")
    groups = [
        GroupFacts(group.pk, group.name, is_readable(group), group.is_off(now))
        for group in Group.objects.order_by("position", "id").only(*columns_of_group)
    ]
    cooldowns = RateLimitEvent.objects.active(now).order_by("cooling_until", "id")
    columns = ("key_id", "project", "model", "kind", "occurred_at", "cooling_until")
    return PoolFacts(
        version,
        groups,
        _keys(groups),
        [CooldownFacts(*row) for row in cooldowns.values_list(*columns)],
    )


def is_readable(group: Group) -> bool:
    return UNREADABLE not in (group.proxy_url, group.proxy_pool)


def _keys(groups: Sequence[GroupFacts]) -> list[StandingKey]:
    """Told apart here: a database takes twice as long, for the join with the groups."""
    of_group: defaultdict[int, list[StandingKey]] = defaultdict(list)
    rows = ApiKey.objects.order_by("position", "id").values_list(*StandingKey._fields)
    for key in map(StandingKey._make, rows):
        of_group[key.group_id].append(key)
    return [key for group in groups for key in of_group[group.id]]


class Standing:
    """What the facts come to at `now`."""

    def __init__(self, facts: PoolFacts, now: datetime) -> None:
        self.facts = facts
        self.now = now
        self.key_of = {key.id: key for key in facts.keys}
        self.held = self._held(facts.cooldowns)
        self.rows = list(self._rows())
        codes = map(itemgetter(STATE), self.rows)
        self.by_group = Counter(zip(map(attrgetter("group_id"), facts.keys), codes, strict=True))

    def _held(self, cooldowns: Sequence[CooldownFacts]) -> dict[tuple[Owner, str], CooldownFacts]:
        """By owner and model the one that ends last.

        That of a project also holds a key that has left the project.
        """
        held: dict[tuple[Owner, str], CooldownFacts] = {}
        for cooldown in cooldowns:
            if cooldown.until <= self.now:
                continue
            key = self.key_of.get(cooldown.key_id)
            if cooldown.project:
                held[cooldown.project, cooldown.model] = cooldown
            if key is not None and (not cooldown.project or key.project != cooldown.project):
                held[cooldown.key_id, cooldown.model] = cooldown
        return held

    def _rows(self) -> Iterator[Row]:
        """Most keys are held by nothing: their row follows from their status."""
        whole: dict[Owner, int] = {}
        models: defaultdict[Owner, set[str]] = defaultdict(set)
        for (owner, model), cooldown in self.held.items():
            if model:
                models[owner].add(model)
            else:
                whole[owner] = whole_second(cooldown.until)
        owners = {*whole, *models}
        codes: dict[str, int] = {
            status: CODES[key_state_of(status, is_cooling=False)] for status in KeyStatus
        }
        off = {group.id for group in self.facts.groups if group.is_off}
        for key in self.facts.keys:
            code = codes[key.status]
            if code == AVAILABLE and key.group_id in off:
                code = DISABLED
            if code == AVAILABLE and (key.id in owners or key.project in owners):
                until = max(whole.get(key.id, 0), whole.get(key.project, 0))
                out = models_of(models, key) if models else 0
                yield [key.id, COOLING if until else code, until, out]
            else:
                yield [key.id, code, 0, 0]

    @cached_property
    def active_of_project(self) -> Mapping[str, Sequence[StandingKey]]:
        keys: defaultdict[str, list[StandingKey]] = defaultdict(list)
        for key in self.facts.keys:
            if key.project and key.status == KeyStatus.ACTIVE:
                keys[key.project].append(key)
        return keys

    def active_of(self, owner: Owner) -> Sequence[StandingKey]:
        """The key, or the keys of the project, without those that are disabled or invalid."""
        if isinstance(owner, str):
            return self.active_of_project.get(owner, ())
        key = self.key_of.get(owner)
        return (key,) if key is not None and key.status == KeyStatus.ACTIVE else ()

    def active_in(self, group_id: int) -> int:
        """The group's keys without those that are disabled or invalid."""
        return self.by_group[group_id, AVAILABLE] + self.by_group[group_id, COOLING]

    def spans(self) -> Iterator[tuple[GroupFacts, int, int]]:
        """Each group, the index of its first row and the number of its rows."""
        start = 0
        for group in self.facts.groups:
            count = sum(self.by_group[group.id, code] for code in CODES.values())
            yield group, start, count
            start += count

    def count(self, code: int) -> int:
        """The keys in the state of this code."""
        return sum(self.by_group[group.id, code] for group in self.facts.groups)

    @cached_property
    def next_end(self) -> float:
        """When time next changes a row, in seconds since the epoch."""
        return min(
            (cooldown.until.timestamp() for cooldown in self.held.values()), default=math.inf
        )


def models_of(models: Mapping[Owner, set[str]], key: StandingKey) -> int:
    own, shared = models.get(key.id), models.get(key.project) if key.project else None
    if own and shared:
        return len(own | shared)
    return len(own or shared or ())


def whole_second(until: datetime) -> int:
    """Since the epoch, rounded up: who waits until then does not come too early."""
    return math.ceil(until.timestamp())


def end_text(until: datetime) -> str:
    return iso_utc(datetime.fromtimestamp(whole_second(until), UTC))
