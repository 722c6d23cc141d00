"""What is new of the pool since a version: read on a database thread, taken up on the loop."""

from dataclasses import dataclass
from typing import NamedTuple

from proxyapp.pool.keys_and_groups import PoolKey


class CooldownRow(NamedTuple):
    """`project`: its keys are all out. `until`: by this machine's clock. `seconds`: how long."""

    key_id: int
    project: str
    quota_scope: str
    kind: str
    until: float
    seconds: float


@dataclass(frozen=True, slots=True)
class PoolChanges:
    """`keys`: all that changed, with None for those that are gone; `cooldowns`: all of theirs, and
    new ones of others. `projects`: whose cooldowns were changed. `has_tokens`: client tokens.
    """

    version: int
    stamp: int
    keys: dict[int, PoolKey | None]
    projects: frozenset[str]
    cooldowns: list[CooldownRow]
    has_tokens: bool
