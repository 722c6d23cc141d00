"""What is too old goes, and no count goes with it."""

import asyncio
import io
import os
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from proxyapp import runtime
from proxyapp.access.budgets import cost_of_month
from proxyapp.ledger import pruning, retention
from proxyapp.ledger.many_rows import add_to_rows
from proxyapp.ledger.retention import PRUNING, Pruned, claim, prune_batch, prune_batches
from proxyapp.ledger.usage import COLUMNS, AttemptOutcome, UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import (
    ApiKey,
    AuditEntry,
    Chore,
    ClientToken,
    DailyUsage,
    HourlyUsage,
    KeyTotal,
    MinuteUsage,
    RateLimitEvent,
    RemovedKey,
    Resource,
    RotationCursor,
    SpoolMark,
    TokenUsage,
)
from proxyapp.pool.ring_names import ring_name
from proxyapp.resources.known import ResourceChange
from proxyapp.resources.rows import write_resources
from tests.support.gateway import ROOT
from tests.support.pool_data import NOW, add_group, add_key, add_to_total, cool, use
from tests.support.resources import known

TODAY = NOW.replace(hour=0, minute=0)
in_database = pytest.mark.django_db
EACH = {column: number for number, column in enumerate(COLUMNS, start=1)}


@pytest.fixture
def key(db: None) -> ApiKey:
    return add_key(add_group(), "one")


@pytest.fixture
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 3)


def prune(now: datetime = NOW) -> Pruned:
    return sum(prune_batches(now), Pruned())


def days() -> dict[tuple[str, date], int]:
    return {(row.model, row.day): row.requests for row in DailyUsage.objects.all()}


# Events.


def test_an_event_goes_when_it_is_older_than_the_setting_says(key: ApiKey, settings: Any):
    settings.EVENT_RETENTION_DAYS = 30
    cool(key, NOW - timedelta(days=29, seconds=1))
    kept = cool(key, NOW - timedelta(days=28, hours=23))

    assert prune() == Pruned(events=1)
    assert list(RateLimitEvent.objects.all()) == [kept]


@pytest.mark.parametrize(("ends_in", "is_kept"), [(60, True), (-1800, True), (-3601, False)])
def test_an_event_stays_while_its_cooldown_runs_and_for_an_hour(
    key: ApiKey, ends_in: int, is_kept: bool
):
    """In that hour the pool still learns from it."""
    event = cool(key, NOW + timedelta(seconds=ends_in))
    RateLimitEvent.objects.filter(pk=event.pk).update(occurred_at=NOW - timedelta(days=40))

    prune()

    assert RateLimitEvent.objects.exists() is is_kept


def test_an_event_that_was_released_goes_although_it_had_longer_to_run(key: ApiKey):
    event = cool(key, NOW + timedelta(days=1))
    RateLimitEvent.objects.filter(pk=event.pk).update(
        occurred_at=NOW - timedelta(days=40), released_at=NOW
    )

    assert prune().events == 1


# Hours.


def test_hours_that_are_too_old_are_added_up_into_days_of_utc(key: ApiKey, settings: Any):
    settings.HOURLY_USAGE_DAYS = 90
    last = TODAY - timedelta(days=90)
    use(key, last - timedelta(hours=1), "a", **EACH)
    use(key, last - timedelta(hours=24), "a", **EACH)
    use(key, last - timedelta(hours=25), "a", **EACH)
    use(key, last - timedelta(hours=1), "b", requests=5)
    kept = use(key, last, "a", requests=7)

    assert prune() == Pruned(hours=4)

    first = (last - timedelta(days=1)).date()
    assert days() == {("a", first): 2, ("a", first - timedelta(days=1)): 1, ("b", first): 5}
    row = DailyUsage.objects.get(model="a", day=first)
    assert {column: getattr(row, column) for column in COLUMNS} == {
        name: 2 * count for name, count in EACH.items()
    }
    assert list(HourlyUsage.objects.all()) == [kept]


def test_keys_are_not_mixed(key: ApiKey):
    other = add_key(key.group, "two")
    use(key, NOW - timedelta(days=100), requests=1)
    use(other, NOW - timedelta(days=100), requests=2)

    prune()

    assert dict(DailyUsage.objects.values_list("key_id", "requests")) == {key.pk: 1, other.pk: 2}


@pytest.mark.usefixtures("_small_batches")
def test_a_day_of_several_batches_has_one_sum(key: ApiKey):
    for hour in range(10):
        use(key, TODAY - timedelta(days=100, hours=-hour), requests=1)

    found = list(prune_batches(NOW))

    assert [pruned.hours for pruned in found] == [3, 3, 3, 1]
    assert list(days().values()) == [10]


def test_hours_that_come_late_are_added_to_the_day(key: ApiKey):
    use(key, TODAY - timedelta(days=100), requests=1)
    prune()
    use(key, TODAY - timedelta(days=100), requests=2)

    prune()

    assert list(days().values()) == [3]


@pytest.mark.usefixtures("_small_batches")
def test_an_end_in_the_middle_neither_loses_nor_doubles_a_count(
    key: ApiKey, monkeypatch: pytest.MonkeyPatch
):
    for hour in range(7):
        use(key, TODAY - timedelta(days=100, hours=-hour), requests=1)
    prune_batch(NOW)

    def fail_after_the_sums(*arguments: Any) -> None:
        add_to_rows(*arguments)
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(retention, "add_to_rows", fail_after_the_sums)
        with pytest.raises(DatabaseError):
            prune_batch(NOW)
    between = sum(days().values()), HourlyUsage.objects.count()
    prune()

    assert between == (3, 4)
    assert (sum(days().values()), HourlyUsage.objects.count()) == (7, 0)


@pytest.mark.django_db(transaction=True)
def test_several_at_once_and_a_process_that_goes_on_counting_lose_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(retention, "BATCH_ROWS", 20)
    group = add_group()
    keys = [add_key(group, str(number)) for number in range(5)]
    hours = [TODAY - timedelta(days=100, hours=-hour) for hour in range(24)]

    def count() -> None:
        for hour in hours:
            tally = UsageTally()
            for key in keys:
                tally.count(key.pk, "m", AttemptOutcome.SUCCEEDED, hour.timestamp())
            write_usage(tally)

    def run(work: Any) -> None:
        try:
            work()
        finally:
            connection.close()

    count()
    threads = [threading.Thread(target=run, args=(work,)) for work in (prune, prune, count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    prune()

    assert sum(DailyUsage.objects.values_list("requests", flat=True)) == 2 * 24 * 5
    assert not HourlyUsage.objects.exists()


# Minutes, and all of them.


@in_database
def test_minutes_are_kept_for_eight_days():
    MinuteUsage.objects.create(minute=NOW - timedelta(days=8, minutes=1))
    kept = MinuteUsage.objects.create(minute=NOW - timedelta(days=8))

    assert prune() == Pruned(minutes=1)
    assert list(MinuteUsage.objects.all()) == [kept]


@in_database
def test_a_number_of_days_beyond_all_dates_keeps_everything(key: ApiKey, settings: Any):
    settings.EVENT_RETENTION_DAYS = settings.HOURLY_USAGE_DAYS = 10**12
    cool(key, NOW - timedelta(days=10_000))
    use(key, NOW - timedelta(days=10_000))

    assert not prune()


@pytest.mark.usefixtures("_small_batches")
def test_no_transaction_has_more_rows_than_a_batch(key: ApiKey):
    for number in range(8):
        cool(key, NOW - timedelta(days=50, seconds=number))
        use(key, NOW - timedelta(days=100, hours=number))
        MinuteUsage.objects.create(minute=NOW - timedelta(days=20, minutes=number))

    assert list(prune_batches(NOW)) == [Pruned(3, 3, 3), Pruned(3, 3, 3), Pruned(2, 2, 2)]


# Whose turn it is.


@in_database
def test_only_one_process_prunes_within_an_hour():
    claims = [
        claim(PRUNING, NOW + timedelta(minutes=minutes)) for minutes in (0, 1, 58, 60, 61, 121)
    ]

    assert claims == [True, False, False, True, False, True]


@in_database
def test_a_claim_that_a_wrong_clock_made_does_not_hold_for_ever():
    claim(PRUNING, NOW + timedelta(days=3000))

    assert claim(PRUNING, NOW)


@pytest.mark.usefixtures("async_database")
async def test_a_gateway_prunes_by_itself_while_it_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pruning, "FIRST_PRUNING_SECONDS", 0.0)
    monkeypatch.setattr(pruning, "PRUNING_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(retention, "BATCH_ROWS", 3)
    await MinuteUsage.objects.abulk_create(
        [MinuteUsage(minute=datetime(2020, 1, 1, 0, minute, tzinfo=UTC)) for minute in range(10)]
    )

    await runtime.startup()
    try:
        async with asyncio.timeout(10):
            while await MinuteUsage.objects.aexists():
                await asyncio.sleep(0.02)
    finally:
        await runtime.shutdown()

    pruned = await Chore.objects.aget(name=PRUNING)
    assert pruned.last_run_at > datetime.now(UTC) - timedelta(minutes=1)


@pytest.mark.usefixtures("async_database")
async def test_a_database_that_is_away_is_tried_again_next_time(monkeypatch: pytest.MonkeyPatch):
    tries = []

    def away(chore: str, now: datetime) -> bool:
        tries.append(now)
        raise DatabaseError("away")

    monkeypatch.setattr(pruning, "FIRST_PRUNING_SECONDS", 0.0)
    monkeypatch.setattr(pruning, "PRUNING_SECONDS", 0.0)
    monkeypatch.setattr(retention, "claim", away)
    await runtime.startup()
    try:
        async with asyncio.timeout(10):
            while len(tries) < 3:
                await asyncio.sleep(0.02)
    finally:
        await runtime.shutdown()
    assert len(tries) >= 3


# Everything else that grows.


def test_days_of_keys_and_of_tokens_go_when_they_are_older_than_the_setting_says(
    key: ApiKey, settings: Any
):
    settings.DAILY_USAGE_DAYS = 100
    token = ClientToken.objects.create(name="one", token_hash="1")
    for ago in (99, 100, 101):
        day = TODAY.date() - timedelta(days=ago)
        add_to_total(DailyUsage.objects.create(key=key, day=day, requests=ago))
        TokenUsage.objects.create(token=token, day=day)

    assert prune() == Pruned(days=2)
    assert DailyUsage.objects.count() == TokenUsage.objects.count() == 2
    assert KeyTotal.objects.get().requests == 99 + 100


@pytest.mark.django_db
def test_what_a_token_has_spent_of_its_month_is_kept(settings: Any):
    settings.DAILY_USAGE_DAYS = 1
    token = ClientToken.objects.create(name="one", token_hash="1")
    now = datetime(2026, 12, 31, 23, tzinfo=UTC)
    for month in (11, 12):
        TokenUsage.objects.create(token=token, day=date(2026, month, 1), cost_micros=month)

    prune(now)

    assert cost_of_month([token.pk], now) == {token.pk: 12}


@in_database
@pytest.mark.usefixtures("_small_batches")
def test_a_total_loses_the_days_that_go_and_nothing_else(settings: Any):
    """Of several keys, models and batches; of one that is gone, and of a total that is too low."""
    settings.DAILY_USAGE_DAYS = 100
    keys = [add_key(add_group(name), name) for name in ("one", "two", "three")]
    for key in keys:
        for ago in (99, 101, 102):
            for model in ("a", "b"):
                day = TODAY.date() - timedelta(days=ago)
                add_to_total(DailyUsage.objects.create(key=key, day=day, model=model, **EACH))
    KeyTotal.objects.filter(key=keys[1]).update(requests=3)
    ApiKey.objects.filter(pk=keys[2].pk).delete()

    assert prune() == Pruned(days=12)

    totals = {total.key_id: total for total in KeyTotal.objects.all()}
    assert {column: getattr(totals[keys[0].pk], column) for column in COLUMNS} == {
        name: 2 * count for name, count in EACH.items()
    }
    assert totals.keys() == {keys[0].pk, keys[1].pk}
    assert totals[keys[1].pk].requests == 0


@in_database
def test_audit_entries_go_when_they_are_older_than_the_setting_says(settings: Any):
    settings.AUDIT_RETENTION_DAYS = 10
    AuditEntry.objects.create(at=NOW - timedelta(days=10, seconds=1), actor="a", action="add")
    kept = AuditEntry.objects.create(at=NOW - timedelta(days=9), actor="a", action="add")
    user = User.objects.create(username="a")
    for ago in (9, 11):  # the history that Django shows of a row
        LogEntry.objects.create(
            action_time=NOW - timedelta(days=ago), user=user, action_flag=CHANGE
        )

    assert prune() == Pruned(audit_entries=2)
    assert list(AuditEntry.objects.all()) == [kept]
    assert LogEntry.objects.count() == 1


def test_the_cursor_of_a_group_goes_after_the_group(key: ApiKey):
    other = add_group("other")
    for ring in ("", f"group:{key.group_id}", f"group:{other.pk}"):
        RotationCursor.objects.get_or_create(ring=ring)
    other.delete()

    assert prune() == Pruned(leftovers=1)
    assert set(RotationCursor.objects.values_list("ring", flat=True)) == {
        "",
        f"group:{key.group_id}",
    }


def test_a_set_of_groups_has_its_cursor_while_a_client_token_has_the_set(key: ApiKey):
    other = add_group("other")
    token = ClientToken.objects.create(name="t", token_hash="0" * 64, is_limited_to_groups=True)
    token.allowed_groups.set([key.group, other])
    ring = ring_name([key.group_id, other.pk])
    for name in ("", ring, ring_name([key.group_id, other.pk + 1])):
        RotationCursor.objects.get_or_create(ring=name)

    assert prune() == Pruned(leftovers=1)
    assert set(RotationCursor.objects.values_list("ring", flat=True)) == {"", ring}


@in_database
def test_hours_of_a_removed_key_become_days_and_its_name_goes_after_them(settings):
    settings.DAILY_USAGE_DAYS, settings.HOURLY_USAGE_DAYS = 100, 10
    gone = add_key(add_group("of the removed"), "gone")
    for ago in (11, 12):
        use(gone, NOW - timedelta(days=ago), requests=ago)
    RemovedKey.objects.create(key_id=gone.pk, label="a", removed_at=NOW - timedelta(days=100))
    RemovedKey.objects.create(key_id=gone.pk + 1, label="b", removed_at=NOW - timedelta(days=102))
    ApiKey.objects.all().delete()

    assert prune() == Pruned(hours=2, leftovers=1)
    days = DailyUsage.objects.order_by("day").values_list("key_id", "requests")
    assert list(days) == [(gone.pk, 12), (gone.pk, 11)]
    assert RemovedKey.objects.get().label == "a"


@in_database
def test_marks_of_spools_go_when_their_processes_are_long_gone():
    SpoolMark.objects.create(name="old", number=7, at=NOW - timedelta(days=91))
    SpoolMark.objects.create(name="young", number=7, at=NOW - timedelta(days=89))

    assert prune() == Pruned(leftovers=1)
    assert SpoolMark.objects.get().name == "young"


BOUNDED_BY_WHAT_OPERATORS_MAKE = {
    "Group",
    "ApiKey",
    "ClientToken",
    "TokenWindow",
    "ImportedGroup",
    "Chore",
    "SecondFactor",
    "KeyProbe",
    "KeyTotal",
    "OperatorToken",
    "Project",
    "AlertChannel",
    "ModelPrice",
    "CurrencyChange",
}


def test_every_table_has_its_bound():
    """A new one needs a place here, or a retention."""
    pruned = {
        "RateLimitEvent",
        "HourlyUsage",
        "MinuteUsage",
        "DailyUsage",
        "TokenUsage",
        "AuditEntry",
    }
    pruned |= {
        "RotationCursor",
        "SpoolMark",
        "SignInCount",
        "RemovedKey",
        "PoolChange",
        "ModelHour",
        "OutcomeHour",
        "AnswerTimes",
        "Resource",
        "LearnedLimit",
        "QuotaHolder",
        "QuotaShare",
        "RequestLogEntry",
        "RequestLogGap",
        "RequestLogTry",
    }
    tables = {model.__name__ for model in apps.get_app_config("proxyapp").get_models()}

    assert tables == pruned | BOUNDED_BY_WHAT_OPERATORS_MAKE


def test_resources_go_when_they_have_expired(db):
    at = NOW.timestamp()
    for name, seconds in (("files/old", -1.0), ("files/young", 1.0)):
        write_resources([ResourceChange(known(name, expires_at=at + seconds), at - 100)])

    assert prune().resources == 1
    assert Resource.objects.get().name == "files/young"


# By hand.


def test_the_command_says_what_it_removed(key: ApiKey, settings: Any):
    settings.EVENT_RETENTION_DAYS, settings.HOURLY_USAGE_DAYS = 10, 20
    today = datetime.now(UTC)
    cool(key, today - timedelta(days=11))
    for hour in range(3):
        use(key, today - timedelta(days=25, hours=hour))
    MinuteUsage.objects.create(minute=today - timedelta(days=9))
    out = io.StringIO()

    call_command("prune", stdout=out)

    assert out.getvalue().splitlines() == [
        "1 rate limit events older than 10 days were removed",
        "3 rows of hourly usage older than 20 days were added up into days",
        "1 rows of usage by the minute older than 8 days were removed",
        "0 sessions and 0 counts of failed sign-ins were removed",
        "0 rows of usage by the day older than 730 days were removed",
        "0 entries of the audit log older than 365 days were removed",
        "0 notes of expired resources were removed",
        "0 notes of groups and processes that are gone were removed",
    ]


def test_the_command_says_in_one_line_that_the_database_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch,
):
    def away(now: datetime) -> Pruned:
        raise DatabaseError("away")

    monkeypatch.setattr(retention, "prune_batch", away)

    with pytest.raises(CommandError, match=r"^The database cannot be used .*: away$"):
        call_command("prune")


@pytest.mark.parametrize(
    "name",
    ["EVENT_RETENTION_DAYS", "HOURLY_USAGE_DAYS", "DAILY_USAGE_DAYS", "AUDIT_RETENTION_DAYS"],
)
def test_a_number_of_days_has_to_be_positive(name: str, tmp_path: Path):
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "VAR_DIR": str(tmp_path),
        name: "0",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "prune"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert f"{name}='0' must be more than 0" in done.stderr
