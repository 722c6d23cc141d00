"""What pages read instead of a million hours is what these hours come to, whatever happens."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import connection

from proxyapp.ledger import recount as recounting
from proxyapp.ledger import retention
from proxyapp.ledger.recount import hours_before, recount_keys_after, recount_models
from proxyapp.ledger.replay import write_batch
from proxyapp.ledger.retention import prune_batch
from proxyapp.ledger.spool_records import Record
from proxyapp.ledger.stamps import DAY_COLUMNS, HOUR_COLUMNS, count_of, day_number, last_day
from proxyapp.ledger.usage import COLUMNS, AttemptOutcome, UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import ApiKey, DailyUsage, Group, HourlyUsage, KeyTotal, ModelHour
from proxyapp.models.key_removal import remember_removed
from proxyapp.provider.llm_tokens import LlmTokens
from tests.support.pool_data import add_group, add_key

START = datetime(2026, 11, 24, 21, 48, tzinfo=UTC)
DAY = timedelta(days=1)


class World:
    """A clock that goes on, and what happens by it."""

    def __init__(self, seed: str) -> None:
        self.source = random.Random(seed)
        self.now = START
        self.records = 0
        self.groups = [add_group("one"), add_group("two")]
        for number in range(6):
            add_key(self.groups[number % 2], f"key-{number}")

    def tally(self) -> UsageTally:
        """Mostly of this hour; what waited in a spool is older."""
        tally, key_ids = UsageTally(), list(ApiKey.objects.values_list("pk", flat=True))
        for _ in range(self.source.randrange(1, 12)):
            late = self.source.choice([0, 0, 0, 0, 1, 2, 23, 24, 25, 60, 400])
            tally.count(
                self.source.choice(key_ids or [1]),
                self.source.choice(["a", "b", ""]),
                self.source.choice(list(AttemptOutcome)),
                (self.now - timedelta(hours=late)).timestamp(),
                LlmTokens(
                    prompt=self.source.randrange(1 << 40),
                    cached=self.source.randrange(1 << 40),
                    thoughts=self.source.randrange(2),
                    tool_use=self.source.randrange(100),
                ),
            )
        return tally

    def flush(self) -> None:
        write_usage(self.tally())

    def replay_twice(self) -> None:
        self.records += 1
        records = [Record(b"", self.records, tally=self.tally())]
        for _ in range(2):
            write_batch("usage-1", records)

    def wait(self) -> None:
        self.now += timedelta(minutes=self.source.choice([1, 30, 61, 200, 26 * 60]))

    def retain(self) -> None:
        while prune_batch(self.now):
            pass

    def remove_key(self) -> None:
        keys = ApiKey.objects.filter(pk=self._key().pk)
        remember_removed(keys)
        keys.delete()

    def make_key_again(self) -> None:
        key, group = self._key(), self.source.choice(self.groups)
        label = f"again-{self.source.randrange(10**6)}"
        ApiKey.objects.filter(pk=key.pk).delete()
        add_key(group, label)

    def move_and_rename(self) -> None:
        ApiKey.objects.filter(pk=self._key().pk).update(group=self.source.choice(self.groups))
        Group.objects.filter(pk=self.groups[0].pk).update(name=f"n{self.source.randrange(10**6)}")

    def _key(self) -> ApiKey:
        key = ApiKey.objects.order_by("?").first()
        return key or add_key(self.groups[0], f"new-{self.source.randrange(10**6)}")


def by_model(rows: Any) -> dict[tuple[datetime, str], tuple[int, ...]]:
    """Without what is nothing."""
    sums: dict[tuple[datetime, str], tuple[int, ...]] = {}
    for hour, model, *counts in rows.values_list("hour", "model", *COLUMNS):
        before = sums.get((hour, model), (0,) * len(COLUMNS))
        sums[hour, model] = tuple(map(sum, zip(before, counts, strict=True)))
    return {place: counts for place, counts in sums.items() if any(counts)}


def of_keys() -> dict[int, list[int]]:
    there = set(ApiKey.objects.values_list("pk", flat=True))
    sums: dict[int, list[int]] = {}
    for table in (HourlyUsage, DailyUsage):
        for pk, *counts in table._default_manager.values_list("key_id", *COLUMNS):
            if pk in there:
                sums[pk] = list(
                    map(sum, zip(sums.get(pk, [0] * len(COLUMNS)), counts, strict=True))
                )
    return sums


def lately(now: datetime) -> dict[int, tuple[int, ...]]:
    """Of each key the requests of 24 hours, and today's requests and 429s."""
    hour = now.replace(minute=0)
    day, requests, refused = Counter[int](), Counter[int](), Counter[int]()
    for row in HourlyUsage.objects.filter(hour__lte=now, hour__gt=now - 2 * DAY):
        pk = row.key_id or 0
        day[pk] += row.requests * (row.hour > hour - DAY)
        requests[pk] += row.requests * (row.hour.date() == now.date())
        refused[pk] += row.rate_limited * (row.hour.date() == now.date())
    return {pk: (day[pk], requests[pk], refused[pk]) for pk in {*day, *requests}}


def compare(now: datetime, since: datetime | None = None) -> None:
    """With what the rows come to."""
    since = since or now - timedelta(days=2)
    assert by_model(ModelHour.objects.filter(hour__gte=since)) == by_model(
        HourlyUsage.objects.filter(hour__gte=since)
    )
    totals = {pk: counts for pk, *counts in KeyTotal.objects.values_list("key_id", *COLUMNS)}
    assert {pk: counts for pk, counts in totals.items() if any(counts)} == of_keys()
    sums = [last_day("", now), *(count_of(column, day_number(now)) for column in DAY_COLUMNS)]
    rows = KeyTotal.objects.annotate(day=sums[0], today=sums[1], refused=sums[2])
    found = {pk: tuple(counts) for pk, *counts in rows.values_list("pk", "day", "today", "refused")}
    wanted = lately(now)
    assert found == {pk: wanted.get(pk, (0, 0, 0)) for pk in found}


@pytest.fixture
def _few_days(settings: Any) -> None:
    settings.HOURLY_USAGE_DAYS, settings.DAILY_USAGE_DAYS = 3, 9


@pytest.mark.usefixtures("db", "_few_days")
@pytest.mark.parametrize("seed", range(6))
def test_the_sums_are_those_of_the_rows_after_whatever_happens(
    seed: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "BATCH_ROWS", 5)
    world = World(str(seed))
    often = [world.flush] * 6 + [world.wait] * 3
    seldom = [world.replay_twice, world.retain, world.remove_key, world.make_key_again]

    for _ in range(60):
        world.source.choice([*often, *seldom, world.move_and_rename])()
        compare(world.now)


@pytest.mark.usefixtures("db", "_few_days")
def test_sums_that_an_older_release_left_behind_are_right_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recounting, "BATCH_KEYS", 2)
    world = World("older")
    for _ in range(20):
        world.flush()
    keys = list(ApiKey.objects.order_by("pk"))
    hour = world.now.replace(minute=0)
    HourlyUsage.objects.filter(hour__gte=hour - timedelta(hours=2)).update(requests=77)
    HourlyUsage.objects.create(key=keys[1], hour=hour, model="new", requests=5, rate_limited=4)
    HourlyUsage.objects.filter(key=keys[2]).delete()
    KeyTotal.objects.filter(key=keys[3]).delete()
    KeyTotal.objects.filter(key=keys[4]).update(hour_20=1 << 62, day_requests=1 << 61)

    recount(world.now)

    compare(world.now)


@pytest.mark.usefixtures("db")
def test_a_key_that_has_gone_on_to_its_next_hour_is_left_alone():
    """By another process, whose clock is a little ahead."""
    world = World("ahead")
    world.flush()
    ahead, key = world.now + timedelta(hours=1), ApiKey.objects.all()[0]
    tally = UsageTally()
    tally.count(key.pk, "a", AttemptOutcome.SUCCEEDED, ahead.timestamp())
    write_usage(tally)
    HourlyUsage.objects.filter(key=key, hour__lt=world.now).update(requests=9)

    recount(world.now)

    compare(ahead)


def recount(now: datetime) -> None:
    last = recount_keys_after(0, now)
    while last is not None:
        last = recount_keys_after(last, now)
    for hour in hours_before(now, 8):
        recount_models(hour)


@pytest.mark.usefixtures("db", "_few_days")
def test_an_older_release_beside_this_one_writes_totals_without_the_new_columns():
    world = World("beside")
    place, hour = ApiKey.objects.all()[0].pk, world.now.replace(minute=0)
    HourlyUsage.objects.create(key_id=place, hour=hour, model="a", requests=8)
    names = ", ".join(COLUMNS[:8])  # as many as that release had
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO proxyapp_keytotal (key_id, {names}) VALUES (%s, 8, 0, 0, 0, 0, 0, 0, 0)",
            [place],
        )
    world.flush()

    recount(world.now)

    compare(world.now)


@pytest.mark.usefixtures("db")
def test_an_upgrade_adds_up_what_there_is():
    world = World("upgrade")
    for _ in range(20):
        world.flush()
    HourlyUsage.objects.update(cached_tokens=0, thought_tokens=0, tool_use_tokens=0)  # came later
    KeyTotal.objects.update(cached_tokens=0, thought_tokens=0, tool_use_tokens=0)
    hour = world.now.replace(minute=0) - timedelta(hours=23)
    ModelHour.objects.all().delete()
    KeyTotal.objects.update(**dict.fromkeys((*HOUR_COLUMNS, *DAY_COLUMNS), 0))
    editor = SimpleNamespace(
        connection=connection,
        quote_name=connection.ops.quote_name,
        execute=lambda *statement: connection.cursor().execute(*statement),
    )
    migration = import_module("proxyapp.migrations.0018_usage_sums")

    with time_machine.travel(world.now, tick=False):
        migration.add_up_models(apps, editor)
        migration.add_up_keys(apps, editor)

    compare(world.now, hour)
