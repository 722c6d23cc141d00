"""A process's picture of the pool that follows the database, and all that can be seen of one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from proxyapp.models import Group
from proxyapp.pool import taking
from proxyapp.pool.cursor import Lease
from proxyapp.pool.probation import Recovery
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.store import PoolReader, version_and_stamp

START = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SCOPES = ("", "pro", "flash", "pro+search", "/files")


@dataclass
class Follower:
    """`takes_changes`: as the runtime does; otherwise it always reads all.

    `circle`: the groups that some token is limited to; empty: the first two.
    """

    takes_changes: bool = True
    now: datetime = START
    circle: frozenset[int] = frozenset()
    reloads: int = 0
    takes: int = 0
    rotors: dict[str, Rotor] = field(default_factory=dict)
    snapshot: Snapshot = field(init=False)
    recovery: Recovery = field(init=False)

    def __post_init__(self) -> None:
        self.reader = PoolReader(elapsed=lambda: self.now.timestamp())
        ids = Group.objects.order_by("pk").values_list("pk", flat=True)
        self.circle = self.circle or frozenset(ids[:2])
        self.reload()

    def reload(self) -> None:
        self.snapshot = self.reader.load(self.now)
        self.snapshot.add_ring(self.circle)
        self.recovery = Recovery(self.snapshot.past_refusals)
        self.reloads += 1

    def refresh(self) -> bool:
        """Whether there was anything new."""
        known = self.snapshot.known
        if version_and_stamp() == known[:2]:
            return False
        changes = self.reader.changes(known, self.now) if self.takes_changes else None
        if changes is None or not taking.can_take(self.snapshot, changes):
            self.reload()
        else:
            taking.take(self.snapshot, self.recovery, changes, self.now.timestamp())
            self.takes += 1
        self._go_on_in_rings()
        return True

    def _go_on_in_rings(self) -> None:
        """As `Leasing.install`, with leases that begin at the key whose turn it is."""
        old, self.rotors = self.rotors, {}
        for name, rotor in old.items():
            ring = self.snapshot.rings.get(name)
            if ring is not None and len(ring):
                self.rotors[name], next_key_id = rotor.replaced(ring)
                if next_key_id is not None:
                    start = ring.key_ids.index(next_key_id)
                    self.rotors[name].add(Lease(start, start + 3 * len(ring), 0))

    def walk(self, picks: int) -> dict[str, list[int]]:
        """The keys that so many requests get in each ring, in leases of three laps."""
        walked: dict[str, list[int]] = {}
        for name, ring in self.snapshot.rings.items():
            walked[name] = []
            if not ring.available(self.now.timestamp()).count:
                continue
            rotor = self.rotors.setdefault(name, Rotor(ring))
            while len(walked[name]) < picks:
                pick = rotor.pick(self.now.timestamp())
                if pick is not None:
                    walked[name].append(pick.key.id)
                else:
                    rotor.add(Lease(rotor.position, rotor.position + 3 * len(ring), 0))
        return walked


def whole(follower: Follower) -> Follower:
    """One that has just read all."""
    return Follower(now=follower.now, circle=follower.circle)


def picture(follower: Follower) -> dict[str, Any]:
    pool, past, at = (
        follower.snapshot,
        follower.recovery.past_refusals,
        follower.now.timestamp(),
    )
    scopes = [*SCOPES, *pool.cooldowns.quota_scopes(), "nobody's"]
    return {
        "version": (pool.version, pool.stamp),
        "keys": pool.keys,
        "order": list(pool.rings[""].keys),
        "groups": pool.groups,
        "order of groups": list(pool.order.items()),
        "standing": +pool.standing,
        "states": +pool.key_states(at),
        "limits": (pool.projects_set, pool.keys_with_limits, pool.learned),
        "projects": {name: set(ids) for name, ids in pool.projects.items()},
        "shared": (pool.shared_rings, pool.circles),
        "cooldowns": {scope: rounded(pool.cooldowns.of_scope(scope)) for scope in scopes},
        "features": {plain: set(own) for plain, own in pool.cooldowns.features.items() if own},
        "returning": rounded(past.returning),
        "strikes": {unit: (each.number, round(each.until)) for unit, each in past.strikes.items()},
        "rings": {
            name: {
                "ids": ring.key_ids,
                "keys": list(ring.keys),
                "runs": ring.line.runs,
                "scopes": {scope: standing(ring, scope, at) for scope in scopes},
            }
            for name, ring in pool.rings.items()
        },
    }


def standing(ring: Any, scope: str, at: float) -> Any:
    release = ring.earliest_release(at, scope)
    release = release and (round(release.until), release.is_daily)
    available = ring.available(at, scope)
    groups = {key.group.id for key in ring.keys[:1]}
    return (
        ring.is_narrowed(scope),
        list(available),
        available.count,
        release,
        [ring.choose(start, at, scope) for start in range(0, len(ring), 2)],
        ring.choose_outside(1, at, scope, groups),
        [key.id for key in ring.usable(at, scope, groups)],
        ring.count_usable(at, scope, groups),
        ring.peek(1),
    )


def rounded(ends: Any) -> dict[Any, float]:
    return {owner: round(until) for owner, until in ends.items()}
