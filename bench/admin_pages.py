"""What the admin's pages cost with much data: `python -m bench.admin_pages [--postgresql]`.

The database is SQLite in a directory of its own, or a PostgreSQL of its own (requirements-dev.txt).
"""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from bench.admin_requests import (
    IDLE_GROUP,
    RARE_MODEL,
    UNUSED_GROUP,
    Cost,
    best_of,
    fill_rest,
    requests,
    table,
)

GROUPS, KEYS, EVENTS, COOLING, MINUTES = 20, 50_000, 100_000, 3_000, 8 * 24 * 60
# Ten million rows of usage: each key in each hour, but for a group that is never used, and one that
# was not used of late.
HOURS, IDLE_HOURS = 216, 150
OLD_EVENTS_A_KEY = 40  # two million
MODELS = ("gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-admin-") as home, database(home) as url:
        os.environ.update(VAR_DIR=home, ENV_FILE=os.devnull, DATABASE_URL=url, LOG_LEVEL="WARNING")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        now = datetime.now(UTC)
        fill(now)
        fill_rest(now)
        from proxyapp.process.calm_collector import calm_collector

        calm_collector()
        print(table(dashboard(now) | requests()))


@contextmanager
def database(home: str) -> Iterator[str]:
    """Its URL; never one that is there already."""
    if "--postgresql" not in sys.argv[1:]:
        yield f"sqlite:///{home}/db.sqlite3"
        return
    from tests.support.postgres import running_server

    with running_server() as url:
        yield url


def fill(now: datetime) -> None:
    from django.db import connection

    from proxyapp.models import MinuteUsage, RateLimitEvent
    from proxyapp.pool.cursor import raise_pool_version

    ids = fill_keys()
    fill_hours(now.replace(minute=0, second=0, microsecond=0))
    fill_totals()
    fill_old_events(now)
    RateLimitEvent.objects.bulk_create(
        (event(number, ids, now) for number in range(EVENTS)), batch_size=500
    )
    minute = now.replace(second=0, microsecond=0)
    counts = {
        "requests": 5,
        "succeeded": 4,
        "rate_limited": 1,
        "prompt_tokens": 900,
        "output_tokens": 300,
    }
    counts |= {"answered": 5, "answered_well": 4, "latency_5": 4}
    minutes = (
        MinuteUsage(minute=minute - timedelta(minutes=ago), **counts) for ago in range(MINUTES)
    )
    MinuteUsage.objects.bulk_create(minutes, batch_size=500)
    raise_pool_version()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def fill_keys() -> list[int]:
    """Their ids. Two of them share a project."""
    from proxyapp.models import ApiKey, Group

    groups = Group.objects.bulk_create(
        Group(name=f"group {number}", position=number) for number in range(GROUPS)
    )
    keys = [
        ApiKey(group=groups[number % GROUPS], position=number, project=f"p{number // 2}")
        for number in range(KEYS)
    ]
    for number, key in enumerate(keys):
        key.key_hash, key.masked = f"{number:064}", f"AIza…{number:04}"
    return [key.pk for key in ApiKey.objects.bulk_create(keys, batch_size=500)]


def fill_hours(last: datetime) -> None:
    """A statement for an hour of all keys."""
    from proxyapp.models import ApiKey, Group, HourlyUsage

    groups = list(Group.objects.values_list("pk", flat=True))
    model = (
        f"CASE WHEN id %% 5000 = 7 THEN '{RARE_MODEL}' WHEN id %% 3 = 0 THEN '{MODELS[0]}'"
        f" WHEN id %% 3 = 1 THEN '{MODELS[1]}' ELSE '{MODELS[2]}' END"
    )
    used = f"group_id <> {groups[UNUSED_GROUP]} AND (group_id <> {groups[IDLE_GROUP]} OR %s)"
    statement = (
        f"INSERT INTO {HourlyUsage._meta.db_table} (key_id, hour, model, requests, succeeded,"
        " rate_limited, client_errors, upstream_errors, cancelled, prompt_tokens, output_tokens)"
        f" SELECT id, %s, {model}, 5 + id %% 7, 4 + id %% 7, 1, 0, 0, 0, 900, 300"
        f" FROM {ApiKey._meta.db_table} WHERE {used} ORDER BY id"
    )
    repeat(
        statement,
        ([last - timedelta(hours=ago), ago > IDLE_HOURS] for ago in reversed(range(HOURS))),
    )


def fill_old_events(now: datetime) -> None:
    """Of all keys, and all over."""
    from proxyapp.models import ApiKey, RateLimitEvent

    statement = (
        f"INSERT INTO {RateLimitEvent._meta.db_table} (key_id, project, model, kind, quota_id,"
        " quota_limit, http_status, occurred_at, cooling_until, excerpt)"
        f" SELECT id, '', '{MODELS[0]}', 'minute', '', '', 429, %s, %s, ''"
        f" FROM {ApiKey._meta.db_table} ORDER BY id"
    )
    times = [now - timedelta(days=2, hours=12 * ago) for ago in range(OLD_EVENTS_A_KEY)]
    repeat(statement, ([at, at + timedelta(minutes=1)] for at in reversed(times)))


def repeat(statement: str, values: Iterable[Sequence[datetime | bool]]) -> None:
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":  # all of it in memory, and written once
            cursor.execute("PRAGMA cache_size = -4000000")
    with transaction.atomic(), connection.cursor() as cursor:
        for row in values:
            cursor.execute(
                statement,
                [
                    connection.ops.adapt_datetimefield_value(value)
                    if isinstance(value, datetime)
                    else value
                    for value in row
                ],
            )


def fill_totals() -> None:
    """As the gateway keeps them: a key's total, and what it and each model did lately."""
    from django.apps import apps
    from django.db import connection

    from proxyapp.ledger.usage import COLUMNS
    from proxyapp.models import HourlyUsage, KeyTotal, ModelHour

    total, hour, model = (table._meta.db_table for table in (KeyTotal, HourlyUsage, ModelHour))
    columns, sums = ", ".join(COLUMNS), ", ".join(f"SUM({column})" for column in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {total} (key_id, {columns})"
            f" SELECT key_id, {sums} FROM {hour} GROUP BY key_id"
        )
        cursor.execute(
            f"INSERT INTO {model} (hour, model, {columns})"
            f" SELECT hour, model, {sums} FROM {hour} GROUP BY hour, model"
        )
    migration = import_module("proxyapp.migrations.0018_usage_sums")
    with connection.schema_editor() as editor:
        migration.add_up_keys(apps, editor)
    note_last_use()


def note_last_use() -> None:
    from django.db import connection

    from proxyapp.models import ApiKey, HourlyUsage

    key, hour = (table._meta.db_table for table in (ApiKey, HourlyUsage))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {key} SET last_used_at ="
            f" (SELECT MAX(hour) FROM {hour} WHERE key_id = {key}.id)"
        )


def event(number: int, ids: list[int], now: datetime) -> Any:
    """The first ones hold: half of them the whole key, half a model."""
    from proxyapp.models import RateLimitEvent

    is_held = number < COOLING
    at = now - timedelta(minutes=number % 60 if is_held else 25 * 60 + number)
    return RateLimitEvent(
        key_id=ids[number % KEYS],
        model=MODELS[number % 3] if number % 2 else "",
        kind="day" if number % 2 else "daily",
        occurred_at=at,
        cooling_until=now + timedelta(hours=5, seconds=number)
        if is_held
        else at + timedelta(hours=1),
    )


def dashboard(now: datetime) -> dict[str, Cost]:
    from proxyapp.operators.dashboard import Dashboard, snapshot
    from proxyapp.pool.cursor import raise_pool_version

    kept = Dashboard()
    kept.snapshot(now)

    def after_a_cooldown() -> None:
        raise_pool_version()
        kept.snapshot(now + timedelta(seconds=1))

    return {
        "dashboard, everything read": best_of(lambda: snapshot(now)),
        "dashboard, after a change of the pool": best_of(after_a_cooldown),
        "dashboard, after a request": best_of(lambda: kept.snapshot(now + timedelta(seconds=2))),
    }


if __name__ == "__main__":
    main()
