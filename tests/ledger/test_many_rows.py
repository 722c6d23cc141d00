"""However many rows a flush touches, it takes few statements, and the sums are exact."""

import itertools
import random
import sqlite3
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from proxyapp.database import many_values
from proxyapp.ledger.many_rows import add_to_rows, known_ids, note_latest
from proxyapp.ledger.usage import COLUMNS, AttemptOutcome, UsageTally, attempt_values
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import ApiKey, ClientToken, Group, HourlyUsage, MinuteUsage, TokenUsage
from proxyapp.provider.llm_tokens import LlmTokens

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SECONDS = NOW.timestamp()
PLACE = ("key_id", "hour", "model")
MODELS = ("", "m", "it's 100 % {a,b}", 'a "name" \\ of Ω', "NULL")


def make_keys(count: int) -> list[int]:
    group = Group.objects.create(name="g")
    keys = [ApiKey(group=group, position=number) for number in range(count)]
    for number, key in enumerate(keys):
        key.set_secret(f"SECRET-SECRET-{number:08d}")
    ApiKey.objects.bulk_create(keys)
    return list(ApiKey.objects.order_by("pk").values_list("pk", flat=True))


def make_tokens(count: int) -> list[int]:
    ClientToken.objects.bulk_create(
        ClientToken(name=f"t{number}", token_hash=f"{number:064d}") for number in range(count)
    )
    return list(ClientToken.objects.order_by("pk").values_list("pk", flat=True))


def touched(key_ids: list[int], token_ids: list[int]) -> UsageTally:
    tally = UsageTally()
    for key_id in key_ids:
        tally.count(key_id, "m", AttemptOutcome.SUCCEEDED, SECONDS)
    for token_id in token_ids:
        tally.clients.count_answer(token_id, "m", 200, SECONDS)
    return tally


def random_tally(source: random.Random, key_ids: list[int], token_ids: list[int]) -> UsageTally:
    tally = UsageTally()
    for _ in range(150):
        now = SECONDS + source.uniform(-9000, 9000)
        tally.count(
            source.choice(key_ids),
            source.choice(MODELS),
            source.choice(list(AttemptOutcome)),
            now,
            LlmTokens(
                prompt=source.randrange(1 << 40),
                output=source.randrange(100),
                thoughts=source.choice([0, 0, 7]),
            ),
        )
        token_id, model = source.choice(token_ids), source.choice(MODELS)
        tally.clients.count_answer(token_id, model, source.choice((200, 404)), now)
        tally.clients.count_llm_tokens(token_id, model, source.randrange(1 << 40), 1, now)
    return tally


def last_used(table: type[ApiKey | ClientToken]) -> dict[int, float]:
    times = table._default_manager.values_list("pk", "last_used_at")
    return {pk: used.timestamp() for pk, used in times if used is not None}


def statements(tally: UsageTally) -> int:
    with CaptureQueriesContext(connection) as queries:
        write_usage(tally)
    return len(queries)


def test_the_statements_of_a_flush_do_not_grow_with_its_keys_and_tokens(db):
    key_ids, token_ids = make_keys(1500), make_tokens(1500)

    few = statements(touched(key_ids[:2], token_ids[:2]))
    many = statements(touched(key_ids, token_ids))

    # SQLite takes a few hundred rows in each.
    assert few <= 11
    assert many == few if connection.vendor == "postgresql" else many <= few + 12
    assert HourlyUsage.objects.filter(requests=2).count() == 2
    assert HourlyUsage.objects.count() == TokenUsage.objects.count() == 1500
    assert set(last_used(ApiKey)) == set(key_ids)
    assert set(last_used(ClientToken)) == set(token_ids)


def test_no_statement_has_more_variables_than_sqlite_takes(db):
    key_ids = make_keys(1200)
    if connection.vendor == "sqlite":
        connection.connection.setlimit(
            sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, many_values.MOST_VARIABLES
        )

    write_usage(touched(key_ids, []))

    assert HourlyUsage.objects.filter(requests=1).count() == 1200
    assert known_ids(ApiKey, [*key_ids, 10**12]) == set(key_ids)


@pytest.mark.django_db(transaction=True)
def test_what_several_write_at_once_adds_up_exactly_and_none_waits_in_a_circle():
    key_ids, token_ids = make_keys(60), make_tokens(20)
    deleted, kept = set(key_ids[::15]), [key_id for key_id in key_ids if key_ids.index(key_id) % 15]
    tallies = [
        [random_tally(random.Random(f"{who} {turn}"), key_ids, token_ids) for turn in range(5)]
        for who in range(4)
    ]
    begin = threading.Barrier(4)

    def write(mine: list[UsageTally]) -> None:
        begin.wait()
        try:
            for number, tally in enumerate(mine):
                write_usage(tally)
                if mine is tallies[0] and number == 2:
                    for key_id in deleted:
                        ApiKey.objects.get(pk=key_id).delete()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, tallies))

    summed = UsageTally()
    for tally in itertools.chain(*tallies):
        summed.merge(tally)
    found = HourlyUsage.objects.filter(key_id__in=kept)
    assert {
        (row.key_id, row.model, int(row.hour.timestamp()) // 3600): tuple(
            getattr(row, column) for column in COLUMNS
        )
        for row in found
    } == {
        place: attempt_values(counts)
        for place, counts in summed.counts.items()
        if place.key_id not in deleted
    }
    of_tokens: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for place, counts in summed.clients.counts.items():
        of_tokens[place.token_id].update(requests=counts.requests, prompt=counts.prompt_tokens)
    rows = TokenUsage.objects.values_list("token_id", "requests", "prompt_tokens")
    in_database: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for token_id, requests, prompt in rows:
        in_database[token_id].update(requests=requests, prompt=prompt)
    assert in_database == of_tokens
    assert sum(MinuteUsage.objects.values_list("requests", flat=True)) == 4 * 5 * 150
    used = {pk: at for pk, at in summed.last_used.items() if pk not in deleted}
    assert last_used(ApiKey) == pytest.approx(used, abs=1e-5)
    assert last_used(ClientToken) == pytest.approx(summed.clients.last_used, abs=1e-5)


@pytest.mark.django_db(transaction=True)
def test_the_last_use_is_the_latest_in_whatever_order_processes_write_it():
    """Rows that are locked in no order would end some of these writes as deadlocks."""
    key_ids = make_keys(100)
    source = random.Random(1)
    times = [
        [{key_id: SECONDS + turn + source.random() for key_id in key_ids} for turn in range(10)]
        for _ in range(4)
    ]

    def write(mine: list[dict[int, float]]) -> None:
        try:
            for used in mine:
                shuffled = random.Random(str(used)).sample([*used.items()], len(used))
                note_latest(ApiKey, "last_used_at", dict(shuffled))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, times))

    latest = {key_id: max(mine[-1][key_id] for mine in times) for key_id in key_ids}
    assert last_used(ApiKey) == pytest.approx(latest, abs=1e-5)


def test_a_last_use_goes_back_only_from_what_a_wrong_clock_wrote(db):
    usual, wrong = make_keys(2)
    ahead = datetime.now(UTC) + timedelta(days=400)
    note_latest(ApiKey, "last_used_at", {usual: SECONDS, wrong: ahead.timestamp()})

    note_latest(ApiKey, "last_used_at", {usual: SECONDS - 1, wrong: SECONDS})

    assert last_used(ApiKey) == {usual: SECONDS, wrong: SECONDS}


def test_a_name_that_its_column_does_not_take_is_refused_and_not_cut(db):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite takes any length")
    (key_id,) = make_keys(1)
    row: list[str | int] = [key_id, str(NOW), "x" * 101, *[1] * len(COLUMNS)]

    with pytest.raises(DataError):
        add_to_rows(HourlyUsage, PLACE, COLUMNS, [row])
