"""What is new of the pool since a version: read on a database thread, taken up on the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.learned_limits import Learned
from proxyapp.vocabulary.project_fields import ProjectSettings


class CooldownRow(NamedTuple):
    """`project`: its keys are all out. `until`: by this machine's clock. `seconds`: how long."""

    key_id: int
    project: str
    quota_scope: str
    kind: str
    until: float
    seconds: float


class KnownPool(NamedTuple):
    """What a process has read. `groups`: by id, in the order of rotation."""

    version: int
    stamp: int
    groups: Mapping[int, PoolGroup]


@dataclass(frozen=True, slots=True)
class PoolChanges:
    """`keys`: all that changed, with None for those that are gone; `cooldowns`: all of theirs, and
    new ones of others. `projects`: whose cooldowns were changed. `has_tokens`: client tokens.

    `groups`: all, in the order of rotation; None: none of them changed. `read_groups`: of these
    `keys` has all that there are, and none if the group is gone. `projects_set`: what is set of
    all projects, None: as before. `learned`: limits that changed, with None for forgotten ones.
    `has_prices`: what models cost.
    """

    version: int
    stamp: int
    keys: dict[int, PoolKey | None]
    groups: tuple[PoolGroup, ...] | None
    read_groups: frozenset[int]
    projects: frozenset[str]
    cooldowns: list[CooldownRow]
    has_tokens: bool
    projects_set: dict[str, ProjectSettings] | None = None
    learned: dict[int, Learned | None] = field(default_factory=dict)
    has_prices: bool = False

    @property
    def has_limits(self) -> bool:
        """Whether other limits may hold now."""
        is_set = self.groups is not None or self.projects_set is not None
        return is_set or bool(self.keys or self.learned)
