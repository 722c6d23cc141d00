"""Pools whose groups have strategies, and who answers in them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.cursor import Lease
from proxyapp.pool.day_use import DayUse
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.rotor import Rotor
from proxyapp.pool.snapshot import Snapshot, build
from tests.support.snapshots import group

AT = 10.0


@dataclass(frozen=True)
class Keys:
    """Those of a group, each with what `PoolKey` takes, and the group's fields."""

    keys: Sequence[Mapping[str, Any]]
    fields: Mapping[str, Any]


def keys(*settings: Mapping[str, Any], **fields: Any) -> Keys:
    return Keys(settings, fields)


def projects(*names: str, **fields: Any) -> Keys:
    return Keys([{"project": name} for name in names], fields)


def pool_with(*groups: Keys) -> Snapshot:
    """Groups are numbered from 1, and so are keys, through all groups."""
    made = []
    owned = []
    for number, each in enumerate(groups, 1):
        owner = group(number, f"g{number}", **each.fields)
        made.append(owner)
        owned += [(owner, place, settings) for place, settings in enumerate(each.keys)]
    there = [
        PoolKey(number, owner, f"K{number}", "…", "active", position=place, **settings)
        for number, (owner, place, settings) in enumerate(owned, 1)
    ]
    return build(1, made, there, Cooldowns())


def rotor_of(pool: Snapshot, day_use: DayUse | None = None, ring: str = ALL_GROUPS) -> Rotor:
    """With a lease that lasts."""
    rotor = Rotor(pool.rings[ring], day_use)
    rotor.add(Lease(0, 10_000 * len(rotor.ring), 0))
    return rotor


def answering(
    rotor: Rotor, count: int, model: str = "m", now: float = AT, passed: Collection[int] = ()
) -> list[int]:
    """The ids of the keys of so many picks."""
    return [pick.key.id for _ in range(count) if (pick := rotor.pick(now, model, passed))]


def answering_apart(rotor: Rotor, count: int) -> list[int]:
    """As `answering`, of a model that some keys are out for."""
    return [key.id for _ in range(count) if (key := rotor.pick_apart("m", AT))]
