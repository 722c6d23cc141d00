"""What is known of one resource: the key that made it, for whom, and until when it exists."""

from dataclasses import dataclass
from typing import Self

from proxyapp.pool.keys_and_groups import PoolKey


@dataclass(frozen=True, slots=True)
class KnownResource:
    """`name`: canonical, such as `files/abc`. `key_name`: as operators see the key. `project`: the
    key's when it made the resource; empty: the key has its own. `client_id`: the client token's; 0:
    nobody's. `expires_at`: seconds since the epoch. `key_hash`: the key's, by which one that was
    deleted and added again is known; empty: an older release noted it.
    """

    name: str
    key_id: int
    key_name: str
    project: str
    group_id: int
    client_id: int
    expires_at: float
    key_hash: str = ""

    @classmethod
    def made_with(cls, key: PoolKey, name: str, client_id: int, expires_at: float) -> Self:
        who = (key.id, key.shown, key.project, key.group.id)
        return cls(name, *who, client_id, expires_at, key.key_hash)

    def is_of(self, key: PoolKey) -> bool:
        """Whether the key made it, or is of the project that did."""
        if self.key_id == key.id or (self.project and self.project == key.project):
            return True
        return self.key_hash != "" and self.key_hash == key.key_hash


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """It was made at `at` (seconds since the epoch), or forgotten then, where it has expired."""

    resource: KnownResource
    at: float

    @property
    def place(self) -> tuple[str, int]:
        """What there is one row for."""
        return self.resource.name, self.resource.key_id


def forgotten(name: str, key_id: int, at: float) -> ResourceChange:
    return ResourceChange(KnownResource(name, key_id, "", "", 0, 0, 0.0), at)
