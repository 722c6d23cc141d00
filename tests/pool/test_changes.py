"""A process that takes up changes ends with the pool that a whole reading gives."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import RequestFactory

from proxyapp.admin.groups.list import settle_positions
from proxyapp.admin.keys.insert import add_keys
from proxyapp.config.file import parse
from proxyapp.config.importing import import_config
from proxyapp.ledger.cooldown_writer import apply
from proxyapp.ledger.key_probes import bring_back
from proxyapp.models import ApiKey, Group, PoolChange, RateLimitEvent, RotationCursor
from proxyapp.models.sealed import UNREADABLE
from proxyapp.operators.key_actions import change_keys, release_events, set_status
from proxyapp.operators.key_adding import NewKey
from proxyapp.pool import change_log
from proxyapp.pool.change_log import (
    Touched,
    projects_held_by,
    touched_groups,
    touched_keys,
    touched_rows,
)
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.cooldowns import MANY_SCOPES
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.pool.probation import Unit
from proxyapp.vocabulary.choices import KeyStatus, Strategy, choice_values
from tests.support.pool_data import add_group, add_key, secret
from tests.support.pool_follower import SCOPES, START, Follower, picture, whole

pytestmark = pytest.mark.django_db
KINDS = ("minute", "day", "daily", "exhausted", "dead_key", "rate_limit")
PROJECTS = ("", "", "red", "blue")


@dataclass
class World:
    """The database, and two processes: one takes up changes, the other always reads all."""

    seed: int
    now: datetime = START

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        for name, fields in (
            ("a", {}),
            ("b", {"weight": 2, "strategy": "weighted"}),
            ("c", {"priority": 1}),
            ("e", {}),
        ):
            group = add_group(name, **fields)
            for number in range(0 if name == "e" else 3):
                add_key(group, f"{name}{number}", project=self.random.choice(PROJECTS))
        raise_pool_version()
        self.mine, self.other = Follower(), Follower(takes_changes=False)

    def refresh(self) -> bool:
        self.mine.now = self.other.now = self.now
        return self.mine.refresh() and self.other.refresh()

    def key(self) -> ApiKey:
        return self.random.choice(list(ApiKey.objects.order_by("pk")))

    def group(self) -> Group:
        return self.random.choice(list(Group.objects.order_by("pk")))

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


def check(world: World) -> None:
    mine = picture(world.mine)
    assert mine == picture(whole(world.mine))
    assert mine == picture(world.other)
    assert world.mine.walk(7) == world.other.walk(7)


# What may happen.


def cool(world: World) -> None:
    write_cooldowns([world.cooldown() for _ in range(world.random.choice([1, 1, 3]))])


def cool_here(world: World) -> None:
    """This process's own: in force before its row is written."""
    cooldown = world.cooldown()
    apply(cooldown, world.mine.snapshot, world.mine.recovery)
    apply(cooldown, world.other.snapshot, world.other.recovery)
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
    edit(world.key(), group=world.group())


def move(world: World) -> None:
    edit(world.key(), position=world.random.randrange(5))


def change_turns(world: World) -> None:
    edit(
        world.key(),
        priority=world.random.choice([None, 0, 1, 3]),
        weight=world.random.choice([1, 2, 5]),
    )


def add(world: World) -> None:
    project = world.random.choice(PROJECTS)
    key = add_key(world.group(), f"n{world.random.random()}", project=project)
    raise_pool_version(touched_keys([key.pk]))


def request() -> HttpRequest:
    found = RequestFactory().get("/")
    found.user, _ = User.objects.get_or_create(username="operator")
    return found


def add_many(world: World) -> None:
    new = [NewKey(f"many-{world.random.random()}", "", "red") for _ in range(4)]
    add_keys(request(), world.group(), new)


def add_group_with_keys(world: World) -> None:
    group = Group(name=f"g{world.random.random()}", weight=world.random.choice([1, 3]))
    add_keys(request(), group, [NewKey(f"of-{group.name}", "", "blue")])


def delete(world: World) -> None:
    keys = ApiKey.objects.filter(pk__in=[world.key().pk, world.key().pk])
    if ApiKey.objects.count() > 5:
        held = projects_held_by(keys, world.now)
        touched = touched_rows(keys)
        keys.delete()
        raise_pool_version(touched and touched | Touched(projects=held))


def delete_group(world: World) -> None:
    """As the admin does it."""
    group = Group.objects.order_by("pk").last()
    if group is None or Group.objects.count() < 4:
        return
    held = projects_held_by(group.keys.all(), world.now)
    touched = Touched(groups=frozenset([group.pk]), projects=held, has_tokens=True)
    group.delete()
    raise_pool_version(touched)


def change_group(world: World) -> None:
    group = world.group()
    fields: dict[str, Any] = {
        "weight": world.random.choice([1, 2, 3]),
        "priority": world.random.choice([0, 1]),
        "strategy": world.random.choice(["", "weighted", "weighted", *choice_values(Strategy)]),
        "spill_after": world.random.choice([None, 0.9]),
        "position": world.random.randrange(4),
        "target_url": world.random.choice(["https://a.example", "https://b.example/v1"]),
        "proxy_url": world.random.choice([None, "http://127.0.0.1:9"]),
        "rate_limit_policy": world.random.choice(["daily", "quota_aware"]),
        "name": f"named {world.random.random()}",
        "auth": "bearer",
    }
    name = world.random.choice(list(fields))
    setattr(group, name, fields[name])
    group.save()
    raise_pool_version(touched_groups([group.pk]))


def hide_proxy(world: World) -> None:
    """Another SECRET_KEY wrote it; or the right one is back."""
    group = world.group()
    text = None if group.proxy_url == UNREADABLE else "not to be opened"
    with connection.cursor() as cursor:
        sql = "UPDATE proxyapp_group SET proxy_url = %s WHERE id = %s"
        cursor.execute(sql, [text, group.pk])
    raise_pool_version(touched_groups([group.pk]))


def reorder(world: World) -> None:
    before = dict(Group.objects.values_list("pk", "position"))
    group = world.group()
    Group.objects.filter(pk=group.pk).update(position=world.random.randrange(len(before)))
    raise_pool_version(touched_groups([group.pk]))
    settle_positions(before)


def import_file(world: World) -> None:
    """Some of the keys there are, in another order, with labels, and some that are new."""
    names = ["a", "b", "new"]
    world.random.shuffle(names)
    secrets = [secret(f"{name}{number}") for name in ("a", "b", "c") for number in range(3)]
    chosen = world.random.sample(secrets, 7)
    groups = [
        {
            "name": name,
            "weight": world.random.choice([1, 2]),
            "api_keys": [
                {"key": key, "project": world.random.choice(["red", "blue"])}
                for key in [*chosen[place * 2 : place * 2 + 2], secret(f"{name}{world.seed}")]
            ],
        }
        for place, name in enumerate(names)
    ]
    config = parse(yaml.safe_dump({"groups": groups}, sort_keys=False))
    prune = world.random.random() < 0.2
    import_config(config, source=Path("/x.yaml"), prune=prune, takes_out=False)


def restore(world: World) -> None:
    """A backup of another history that came to a number near this one."""
    ahead = world.random.choice([-3, 0, 3])
    cursors = RotationCursor.objects.filter(ring="")
    version = max(cursors.get().pool_version + ahead, 1)
    stamp = world.random.getrandbits(60)
    PoolChange.objects.filter(version__gt=version).delete()
    key = world.key()
    PoolChange.objects.filter(version=version).update(stamp=stamp, touched={"keys": [key.pk]})
    ApiKey.objects.filter(pk=key.pk).update(status=KeyStatus.DISABLED)
    cursors.update(pool_version=version, pool_stamp=stamp)


def change_as_an_older_release(world: World) -> None:
    """It raises the version, and names nothing."""
    ApiKey.objects.filter(pk=world.key().pk).update(status=KeyStatus.DISABLED)
    cursor = RotationCursor.objects.get(ring="")
    cursor.pool_version, cursor.pool_stamp = cursor.pool_version + 1, world.random.getrandbits(60)
    cursor.save()


SMALL: list[Callable[[World], None]] = [
    cool, cool_here, release, release_one_event, disable, enable, condemn, revive, relabel,
    replace_secret, say_nothing_new, regroup, move, change_turns, add, add_many,
    add_group_with_keys, delete, delete_group, change_group, hide_proxy, reorder, import_file,
]  # fmt: skip
LARGE: list[Callable[[World], None]] = [restore, change_as_an_older_release]


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
    assert world.mine.takes > world.mine.reloads
    if seed % 2 == 0:
        assert world.mine.reloads == 1


@pytest.mark.parametrize("happens", SMALL, ids=lambda happens: happens.__name__)
def test_a_small_change_reads_no_whole_pool(happens: Callable[[World], None]):
    world = World(7)
    cool(world)
    world.refresh()

    happens(world)
    world.refresh()

    assert world.mine.reloads == 1
    check(world)


@pytest.mark.parametrize("happens", LARGE, ids=lambda happens: happens.__name__)
def test_what_may_be_anything_is_read_whole(happens: Callable[[World], None]):
    world = World(3)

    happens(world)
    world.refresh()

    assert world.mine.reloads == 2
    check(world)


def test_a_change_that_is_rolled_back_is_none(world: World):
    with transaction.atomic():
        disable(world)
        transaction.set_rollback(True)
    cool(world)

    world.refresh()

    assert world.mine.reloads == 1
    check(world)


@pytest.fixture
def world() -> World:
    return World(1)


def test_much_at_once_and_what_is_long_past_are_read_whole(world: World):
    known = world.mine.snapshot.known
    raise_pool_version(touched_keys(range(change_log.MOST_TOUCHED + 1)))
    assert world.mine.reader.changes(known, world.now) is None

    world.refresh()
    known = world.mine.snapshot.known
    for _ in range(change_log.VERSIONS_KEPT + 2 * change_log.VERSIONS_A_PRUNING):
        raise_pool_version(Touched())
    assert world.mine.reader.changes(known, world.now) is None
    assert PoolChange.objects.count() <= (change_log.VERSIONS_KEPT + change_log.VERSIONS_A_PRUNING)


def test_what_a_newer_release_names_is_read_whole(world: World):
    known = world.mine.snapshot.known
    version = raise_pool_version(Touched())
    PoolChange.objects.filter(version=version).update(touched={"moons": [1]})

    assert world.mine.reader.changes(known, world.now) is None


def test_scopes_that_may_lack_room_are_read_whole(world: World):
    later = world.now + timedelta(hours=1)
    write_cooldowns(
        [
            world.cooldown(model=f"m{number}", kind="minute", project="", until=later)
            for number in range(MANY_SCOPES + 5)
        ]
    )
    world.refresh()

    assert world.mine.reloads == 2
    check(world)


def test_a_success_of_this_process_outlives_the_changes_of_others(world: World):
    key = world.mine.snapshot.keys[world.key().pk]
    past = world.now - timedelta(seconds=100)
    write_cooldowns(
        [
            world.cooldown(
                key_id=key.id, kind="day", model="", project="", occurred_at=past, until=past
            )
        ]
    )
    world.refresh()
    assert Unit(key.id, "") in world.mine.recovery.past_refusals.returning

    world.mine.recovery.succeeded(key, "", world.now.timestamp())
    set_status([key.id], KeyStatus.ACTIVE, reason="edited")
    world.refresh()

    assert Unit(key.id, "") not in world.mine.recovery.past_refusals.returning


def test_memory_of_cooldowns_that_are_over_goes_with_the_next_change(world: World):
    for _ in range(30):
        cool(world)
        world.now += timedelta(seconds=90_001)
        world.refresh()

    pool = world.mine.snapshot
    scopes = ["", *pool.cooldowns.quota_scopes()]
    held = sum(len(pool.cooldowns.of_scope(scope)) for scope in scopes)
    assert held <= 20
    assert len(pool.cooldowns._ends) <= 20
    assert len(world.mine.recovery.past_refusals.returning) <= 10
