"""What a request asks the queue for, and what it is given."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from proxyapp.pool.exits import Exits
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Unit
from proxyapp.pool.turn_charge import TurnCharge


class Turn(NamedTuple):
    """`probe`: this request tries a key that comes back; `Recovery.end_probe` hears the end.

    `charge`: what it took of limits, which ends with the answer.
    """

    key: PoolKey
    probe: Unit | None = None
    charge: TurnCharge | None = None


class Measured(Protocol):
    """A request whose input can be estimated."""

    def input_llm_tokens(self) -> int: ...


NOBODY: frozenset[int] = frozenset()


class KeyWish:
    """What may answer a request: a key of the ring that is good for its quota and not yet tried.

    `arrived_at`: by the monotonic clock. `only`: the keys that may, the best first; None: any.
    `turned_away`: those that have too little left for it at this look; `full_groups`: those that
    have as many requests under way as they may. `held`: keys without a share that this look met;
    `awaited`: those of an earlier one, whose turns are its own. `estimated`: its input.
    `conversation`: that it goes on with, and that stays at a project; None: it may go anywhere.
    `exits`: those of them that fail are passed over; None: none is.
    """

    __slots__ = (
        "arrived_at",
        "awaited",
        "conversation",
        "estimated",
        "exits",
        "failed_groups",
        "full_groups",
        "held",
        "only",
        "quota_scope",
        "request",
        "ring",
        "tried",
        "turned_away",
    )

    def __init__(
        self,
        ring: str,
        quota_scope: str,
        arrived_at: float,
        *,
        tried: Collection[int] = (),
        failed_groups: Collection[int] = (),
        only: Sequence[int] | None = None,
        request: Measured | None = None,
        conversation: int | None = None,
        exits: Exits | None = None,
    ) -> None:
        self.ring = ring
        self.quota_scope = quota_scope
        self.arrived_at = arrived_at
        self.tried = set(tried)
        self.failed_groups = set(failed_groups)
        self.only = None if only is None else tuple(only)
        self.request = request
        self.turned_away: frozenset[int] = NOBODY
        self.full_groups: frozenset[int] = NOBODY
        self.held: tuple[int, ...] = ()
        self.awaited: tuple[int, ...] = ()
        self.estimated: int | None = None
        self.conversation = conversation
        self.exits = exits

    @property
    def is_free(self) -> bool:
        if self.tried or self.outside or self.turned_away or self.only is not None:
            return False
        return self.exits is None or self.exits.is_idle

    @property
    def outside(self) -> Collection[int]:
        """The groups whose keys will not do now."""
        return self.failed_groups | self.full_groups if self.full_groups else self.failed_groups

    @property
    def line(self) -> tuple[str, str, tuple[int, ...] | None]:
        """Who wishes for the same waits in it."""
        return self.ring, self.quota_scope, self.only

    def refuses(self, key: PoolKey) -> bool:
        if key.id in self.tried or key.id in self.turned_away:
            return True
        if key.group.id in self.outside:
            return True
        return self.exits is not None and self.exits.passes_over(key.group)

    def turn_away(self, key_id: int) -> None:
        self.turned_away = self.turned_away | {key_id}

    def turn_away_group(self, group_id: int) -> None:
        self.full_groups = self.full_groups | {group_id}

    def look_anew(self) -> None:
        self.turned_away = self.full_groups = NOBODY
        self.awaited, self.held = self.held or self.awaited, ()

    def estimate(self) -> int:
        """How many LLM tokens of input it has; remembered."""
        if self.estimated is None:
            self.estimated = 0 if self.request is None else self.request.input_llm_tokens()
        return self.estimated
