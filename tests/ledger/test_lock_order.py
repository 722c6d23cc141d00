"""What is written at once takes its locks in one order: nobody waits for another in a circle."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, transaction

from proxyapp.config.apply import Database
from proxyapp.config.report import Report
from proxyapp.ledger.usage import AttemptOutcome, UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import ApiKey, Group
from proxyapp.operators.key_actions import KeyAction, change_keys
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.pool.cursor import Progress, lock_pool, raise_pool_version, save_progress

Writer = Callable[[list[int], random.Random], None]
NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
KEYS, ROUNDS = 200, 12


def make_keys() -> list[int]:
    group = Group.objects.create(name="g")
    keys = [ApiKey(group=group, position=number) for number in range(KEYS)]
    for number, key in enumerate(keys):
        key.set_secret(f"SECRET-SECRET-{number:08d}")
    ApiKey.objects.bulk_create(keys)
    raise_pool_version()
    return list(ApiKey.objects.order_by("pk").values_list("pk", flat=True))


def count(key_ids: list[int], source: random.Random) -> None:
    tally = UsageTally()
    for key_id in key_ids:
        tally.count(key_id, "m", AttemptOutcome.SUCCEEDED, time.time())
    write_usage(tally)


def tell_turn(key_ids: list[int], source: random.Random) -> None:
    save_progress([Progress("", source.choice(key_ids), 0, 0)])


def cool(key_ids: list[int], source: random.Random) -> None:
    until = NOW + timedelta(days=9999)
    write_cooldowns(
        [
            NewCooldown(key_id, "m", "minute", 429, NOW, until, "")
            for key_id in source.sample(key_ids, 5)
        ]
    )


def act(key_ids: list[int], source: random.Random) -> None:
    actions: list[KeyAction] = ["disable", "enable", "release"]
    change_keys(source.choice(actions), source.sample(key_ids, 30), datetime.now(UTC))


def import_file(key_ids: list[int], source: random.Random) -> None:
    with transaction.atomic():
        lock_pool()
        database = Database(Report())
        (members,) = database.members.values()
        keys = source.sample([*members.values()], 13)
        database.disable_missing(keys[:10])
        database.remove_keys(keys[10:])
        raise_pool_version()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "others", [[cool, cool], [act, act], [import_file, cool], [cool, act, import_file]]
)
def test_flushes_cooldowns_actions_and_imports_wait_in_no_circle(others: list[Writer]):
    key_ids = make_keys()
    writers = [count, count, tell_turn, *others]
    begin = threading.Barrier(len(writers))

    def write(number: int) -> list[str]:
        source, refused = random.Random(number), []
        begin.wait()
        try:
            for _ in range(ROUNDS):
                try:
                    writers[number](key_ids, source)
                except OperationalError as error:
                    refused.append(f"{writers[number].__name__}: {error}")
        finally:
            connection.close()
        return refused

    with ThreadPoolExecutor(len(writers)) as threads:
        refusals = list(threads.map(write, range(len(writers))))

    assert refusals == [[] for _ in writers]
