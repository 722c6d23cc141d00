"""A process that takes up changes ends with the pool that a whole reading gives."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from proxyapp.ledger.cooldown_writer import apply
from proxyapp.ledger.key_probes import bring_back
from proxyapp.models import ApiKey, Group, PoolChange, RateLimitEvent, RotationCursor
from proxyapp.operators.key_actions import change_keys, release_events, set_status
from proxyapp.pool import change_log
from proxyapp.pool.change_log import Touched, touched_keys
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.cooldowns import MANY_SCOPES
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.pool.probation import Recovery, Unit
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.store import PoolReader, version_and_stamp
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.pool_data import add_group, add_key

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SCOPES = ("", "pro", "flash", "pro+search", "/files")
KINDS = ("minute", "day", "daily", "exhausted", "dead_key", "rate_limit")
PROJECTS = ("", "", "red", "blue")


@dataclass
class World:
    """The database, and one process that follows it."""

    seed: int
    now: datetime = START
    reloads: int = 0
    takes: int = 0
    snapshot: Snapshot = field(init=False)
    recovery: Recovery = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.reader = self.new_reader()
        for name, fields in (("a", {}), ("b", {"weight": 2}), ("c", {"priority": 1})):
            group = add_group(name, **fields)
            for number in range(3):
                project = self.random.choice(PROJECTS)
                add_key(group, f"{name}{number}", project=project)
        raise_pool_version()
        self.reload()

    def new_reader(self) -> PoolReader:
        return PoolReader(elapsed=lambda: self.now.timestamp())

    def whole(self) -> Snapshot:
        found = self.new_reader().load(self.now)
        self.add_rings(found)
        return found

    def add_rings(self, snapshot: Snapshot) -> None:
        ids = list(Group.objects.order_by("pk").values_list("pk", flat=True))
        snapshot.add_ring(frozenset(ids[:2]))

    def reload(self) -> None:
        self.snapshot = self.reader.load(self.now)
        self.add_rings(self.snapshot)
        self.recovery = Recovery(self.snapshot.past_refusals)
        self.reloads += 1

    def refresh(self) -> bool:
        """As the runtime does. Whether there was anything new."""
        if version_and_stamp() == (self.snapshot.version, self.snapshot.stamp):
            return False
        changes = self.reader.changes((self.snapshot.version, self.snapshot.stamp), self.now)
        if changes is None or not self.snapshot.can_take(changes):
            self.reload()
            return True
        self.snapshot.take(changes, self.now.timestamp())
        self.recovery.take(changes, self.now.timestamp())
        self.takes += 1
        return True

    def key(self) -> ApiKey:
        return self.random.choice(list(ApiKey.objects.order_by("pk")))

    def cooldown(self, **fields: Any) -> NewCooldown:
        key = self.key()
        kind = self.random.choice(KINDS)
        seconds = 0 if kind == "dead_key" else self.random.choice([20, 60, 700, 4_000, 90_000])
        wanted = {
            "key_id": key.pk,
            "model": self.random.choice(SCOPES),
            "kind": kind,
            "http_status": 429,
            "occurred_at": self.now,
            "until": self.now + timedelta(seconds=seconds),
            "excerpt": "",
            "project": self.random.choice(["", key.project]),
            "key_hash": self.random.choice([key.key_hash, "another"]),
        }
        return NewCooldown(**{**wanted, **fields})


def picture(pool: Snapshot, recovery: Recovery, now: datetime) -> dict[str, Any]:
    at = now.timestamp()
    past = recovery.past_refusals
    scopes = [*SCOPES, *pool.cooldowns.quota_scopes(), "nobody's"]
    return {
        "version": (pool.version, pool.stamp),
        "keys": pool.keys,
        "order": list(pool.rings[""].keys),
        "groups": pool.groups,
        "standing": +pool.standing,
        "states": +pool.key_states(at),
        "projects": {name: set(ids) for name, ids in pool.projects.items()},
        "shared": pool.shared_rings,
        "cooldowns": {scope: rounded(pool.cooldowns.of_scope(scope)) for scope in scopes},
        "features": {plain: set(own) for plain, own in pool.cooldowns.features.items() if own},
        "returning": rounded(past.returning),
        "strikes": {unit: (each.number, round(each.until)) for unit, each in past.strikes.items()},
        "rings": {
            name: {
                "ids": ring.key_ids,
                "keys": list(ring.keys),
                "scopes": {scope: standing(ring, scope, at) for scope in scopes},
            }
            for name, ring in pool.rings.items()
        },
    }


def standing(ring: Any, scope: str, at: float) -> Any:
    release = ring.earliest_release(at, scope)
    release = release and (round(release.until), release.is_daily)
    available = list(ring.available(at, scope))
    return ring.is_narrowed(scope), available, release, ring.choose(1, at, scope)


def rounded(ends: Any) -> dict[Any, float]:
    return {owner: round(until) for owner, until in ends.items()}


def check(world: World) -> None:
    whole = world.whole()
    mine = picture(world.snapshot, world.recovery, world.now)
    assert mine == picture(whole, Recovery(whole.past_refusals), world.now)


# What may happen.


def cool(world: World) -> None:
    write_cooldowns([world.cooldown() for _ in range(world.random.choice([1, 1, 3]))])


def cool_here(world: World) -> None:
    """This process's own: in force before its row is written."""
    cooldown = world.cooldown()
    apply(cooldown, world.snapshot, world.recovery)
    write_cooldowns([cooldown])


def release(world: World) -> None:
    change_keys("release", [world.key().pk, world.key().pk], world.now)


def release_one_event(world: World) -> None:
    ids = list(RateLimitEvent.objects.order_by("pk").values_list("pk", flat=True))
    release_events([world.random.choice(ids)] if ids else [], world.now)


def disable(world: World) -> None:
    change_keys("disable", [world.key().pk], world.now)


def enable(world: World) -> None:
    change_keys("enable", [key.pk for key in ApiKey.objects.all()], world.now)


def condemn(world: World) -> None:
    set_status([world.key().pk], KeyStatus.INVALID, reason="dead")


def revive(world: World) -> None:
    key = world.key()
    bring_back(key.pk, key.key_hash, "works")


def relabel(world: World) -> None:
    edit(world.key(), project=world.random.choice(PROJECTS), name="other")


def replace_secret(world: World) -> None:
    key = world.key()
    key.set_secret(f"replaced-{world.random.random()}")
    edit(key)


def say_nothing_new(world: World) -> None:
    raise_pool_version(Touched(has_tokens=True))


def edit(key: ApiKey, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(key, name, value)
    key.save()
    raise_pool_version(touched_keys([key.pk]))


def regroup(world: World) -> None:
    edit(world.key(), group=world.random.choice(list(Group.objects.order_by("pk"))))


def move(world: World) -> None:
    edit(world.key(), position=world.random.randrange(5))


def add(world: World) -> None:
    group = world.random.choice(list(Group.objects.order_by("pk")))
    key = add_key(group, f"n{world.random.random()}", project=world.random.choice(PROJECTS))
    raise_pool_version(touched_keys([key.pk]))


def delete(world: World) -> None:
    if ApiKey.objects.count() > 3:
        key = world.key()
        pk = key.pk
        key.delete()
        raise_pool_version(touched_keys([pk]))


def reorder(world: World) -> None:
    for group in Group.objects.all():
        group.position, group.weight = world.random.randrange(3), world.random.choice([1, 2])
        group.save()
    raise_pool_version()


def restore(world: World) -> None:
    """A backup of another history that came to a number near this one."""
    ahead = world.random.choice([-3, 0, 3])
    cursors = RotationCursor.objects.filter(ring="")
    version = max(cursors.get().pool_version + ahead, 1)
    PoolChange.objects.filter(version__gt=version).delete()
    ApiKey.objects.filter(pk=world.key().pk).update(status=KeyStatus.DISABLED)
    cursors.update(pool_version=version, pool_stamp=world.random.getrandbits(60))


def change_as_an_older_release(world: World) -> None:
    """It raises the version, and names nothing."""
    ApiKey.objects.filter(pk=world.key().pk).update(status=KeyStatus.DISABLED)
    cursor = RotationCursor.objects.get(ring="")
    cursor.pool_version, cursor.pool_stamp = cursor.pool_version + 1, world.random.getrandbits(60)
    cursor.save()


SMALL: list[Callable[[World], None]] = [
    cool, cool_here, release, release_one_event, disable, enable, condemn, revive, relabel,
    replace_secret, say_nothing_new,
]  # fmt: skip
LARGE: list[Callable[[World], None]] = [
    regroup, move, add, delete, reorder, restore, change_as_an_older_release,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_changes_come_to_what_a_whole_reading_gives(seed: int):
    world = World(seed)
    for _ in range(60):
        weights = [4] * len(SMALL) + [seed % 2] * len(LARGE)
        (happens,) = world.random.choices(SMALL + LARGE, weights)
        happens(world)
        if world.random.random() < 0.3:
            continue
        world.now += timedelta(seconds=world.random.choice([0, 0, 1, 30, 400, 4_000, 50_000]))
        if world.refresh():
            check(world)
    assert world.takes > world.reloads
    if seed % 2 == 0:
        assert world.reloads == 1


@pytest.mark.parametrize("happens", SMALL, ids=lambda happens: happens.__name__)
def test_a_small_change_reads_no_whole_pool(happens: Callable[[World], None]):
    world = World(7)
    cool(world)
    world.refresh()

    happens(world)
    world.refresh()

    assert world.reloads == 1
    check(world)


@pytest.mark.parametrize("happens", LARGE, ids=lambda happens: happens.__name__)
def test_what_may_be_anything_is_read_whole(happens: Callable[[World], None]):
    world = World(3)

    happens(world)
    world.refresh()

    assert world.reloads == 2
    check(world)


def test_a_change_that_is_rolled_back_is_none(world: World):
    with transaction.atomic():
        disable(world)
        transaction.set_rollback(True)
    cool(world)

    world.refresh()

    assert world.reloads == 1
    check(world)


@pytest.fixture
def world() -> World:
    return World(1)


def test_much_at_once_and_what_is_long_past_are_read_whole(world: World):
    known = world.snapshot.version, world.snapshot.stamp
    raise_pool_version(touched_keys(range(change_log.MOST_TOUCHED + 1)))
    assert world.reader.changes(known, world.now) is None

    world.refresh()
    known = world.snapshot.version, world.snapshot.stamp
    for _ in range(change_log.VERSIONS_KEPT + 2 * change_log.VERSIONS_A_PRUNING):
        raise_pool_version(Touched())
    assert world.reader.changes(known, world.now) is None
    assert PoolChange.objects.count() <= (change_log.VERSIONS_KEPT + change_log.VERSIONS_A_PRUNING)


def test_what_a_newer_release_names_is_read_whole(world: World):
    known = world.snapshot.version, world.snapshot.stamp
    version = raise_pool_version(Touched())
    PoolChange.objects.filter(version=version).update(touched={"moons": [1]})

    assert world.reader.changes(known, world.now) is None


def test_scopes_that_may_lack_room_are_read_whole(world: World):
    later = world.now + timedelta(hours=1)
    write_cooldowns(
        [
            world.cooldown(model=f"m{number}", kind="minute", project="", until=later)
            for number in range(MANY_SCOPES + 5)
        ]
    )
    world.refresh()

    assert world.reloads == 2
    check(world)


def test_a_success_of_this_process_outlives_the_changes_of_others(world: World):
    key = world.snapshot.keys[world.key().pk]
    past = world.now - timedelta(seconds=100)
    write_cooldowns(
        [
            world.cooldown(
                key_id=key.id, kind="day", model="", project="", occurred_at=past, until=past
            )
        ]
    )
    world.refresh()
    assert Unit(key.id, "") in world.recovery.past_refusals.returning

    world.recovery.succeeded(key, "", world.now.timestamp())
    set_status([key.id], KeyStatus.ACTIVE, reason="edited")
    world.refresh()

    assert Unit(key.id, "") not in world.recovery.past_refusals.returning


def test_memory_of_cooldowns_that_are_over_goes_with_the_next_change(world: World):
    for _ in range(30):
        cool(world)
        world.now += timedelta(seconds=90_001)
        world.refresh()

    pool = world.snapshot
    scopes = ["", *pool.cooldowns.quota_scopes()]
    held = sum(len(pool.cooldowns.of_scope(scope)) for scope in scopes)
    assert held <= 20
    assert len(pool.cooldowns._ends) <= 20
    assert len(world.recovery.past_refusals.returning) <= 10
