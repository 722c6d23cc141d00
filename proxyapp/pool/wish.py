"""What a request asks the queue for, and what it is given."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Unit


class Turn(NamedTuple):
    """`probe`: this request tries a key that comes back; `Recovery.end_probe` hears the end."""

    key: PoolKey
    probe: Unit | None = None


class KeyWish:
    """What may answer a request: a key of the ring that is good for its quota and not yet tried.

    `arrived_at`: by the monotonic clock. `only`: the keys that may, the best first; None: any.
    """

    __slots__ = ("arrived_at", "failed_groups", "only", "quota_scope", "ring", "tried")

    def __init__(
        self,
        ring: str,
        quota_scope: str,
        arrived_at: float,
        *,
        tried: Collection[int] = (),
        failed_groups: Collection[int] = (),
        only: Sequence[int] | None = None,
    ) -> None:
        self.ring = ring
        self.quota_scope = quota_scope
        self.arrived_at = arrived_at
        self.tried = set(tried)
        self.failed_groups = set(failed_groups)
        self.only = None if only is None else tuple(only)

    @property
    def is_free(self) -> bool:
        return not self.tried and not self.failed_groups and self.only is None

    @property
    def line(self) -> tuple[str, str, tuple[int, ...] | None]:
        """Who wishes for the same waits in it."""
        return self.ring, self.quota_scope, self.only

    def refuses(self, key: PoolKey) -> bool:
        return key.id in self.tried or key.group.id in self.failed_groups
