"""Counters: in memory, in the spool and in the database they are the same numbers."""

from datetime import UTC, datetime

import pytest
from django.db.models import Sum

from proxyapp.ledger.client_usage import CLIENT_COLUMNS
from proxyapp.ledger.spool_records import decoded_record, encoded_record, usage_record
from proxyapp.ledger.usage import (
    COLUMNS,
    MINUTE_COLUMNS,
    AttemptOutcome,
    ClientAnswers,
    UsagePlace,
    UsageTally,
)
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import (
    LATENCY_BOUNDS_MS,
    LATENCY_COLUMNS,
    ApiKey,
    ClientToken,
    Group,
    HourlyUsage,
    KeyTotal,
    MinuteUsage,
    ModelHour,
    RateLimitEvent,
    RotationCursor,
    TokenUsage,
)
from proxyapp.models.key_removal import remember_removed
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.vocabulary.errors import (
    BadRequest,
    GatewayError,
    NoKeyAvailable,
    ProxyFailed,
    UpstreamTimedOut,
)
from tests.support.pool_data import add_key

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SECONDS = NOW.timestamp()
MINUTE = int(SECONDS) // 60


@pytest.fixture
def key(db) -> ApiKey:
    made = ApiKey(group=Group.objects.create(name="g"))
    made.set_secret("SECRET-SECRET-SECRET")
    made.save()
    return made


def tally(*counts: tuple[int, str, AttemptOutcome]) -> UsageTally:
    made = UsageTally()
    for key_id, model, outcome in counts:
        made.count(key_id, model, outcome, SECONDS, LlmTokens(3, 5))
    return made


def cooldown(key_id: int, **fields) -> NewCooldown:
    until = datetime(2026, 11, 24, 7, tzinfo=UTC)
    known = {
        "model": "",
        "kind": "daily",
        "http_status": 429,
        "occurred_at": NOW,
        "until": until,
        "excerpt": "…",
    }
    return NewCooldown(key_id=key_id, **{**known, **fields})


def test_every_outcome_has_its_column():
    counted = tally(*((1, "m", outcome) for outcome in AttemptOutcome)).counts[
        UsagePlace(1, "m", int(SECONDS) // 3600)
    ]

    assert counted.requests == len(AttemptOutcome)
    assert [getattr(counted, outcome) for outcome in AttemptOutcome] == [1] * len(AttemptOutcome)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, AttemptOutcome.SUCCEEDED),
        (304, AttemptOutcome.SUCCEEDED),
        (400, AttemptOutcome.CLIENT_ERROR),
        (429, AttemptOutcome.RATE_LIMITED),
        (503, AttemptOutcome.UPSTREAM_ERROR),
    ],
)
def test_a_status_tells_the_outcome(status, outcome):
    assert AttemptOutcome.of_status(status) is outcome


def test_counts_are_added_to_the_row_of_their_hour(key):
    write_usage(
        tally((key.pk, "m", AttemptOutcome.SUCCEEDED), (key.pk, "m", AttemptOutcome.RATE_LIMITED))
    )
    write_usage(
        tally((key.pk, "m", AttemptOutcome.SUCCEEDED), (key.pk, "", AttemptOutcome.CANCELLED))
    )

    row = HourlyUsage.objects.get(model="m")
    assert (row.hour, row.requests, row.succeeded, row.rate_limited) == (
        NOW.replace(minute=0),
        3,
        2,
        1,
    )
    assert (row.prompt_tokens, row.output_tokens) == (9, 15)
    assert HourlyUsage.objects.get(model="").cancelled == 1
    key.refresh_from_db()
    assert key.last_used_at == NOW


def test_a_total_is_what_the_hours_of_its_key_add_up_to(key):
    other = add_key(key.group, "two")
    outcomes = list(AttemptOutcome)
    for number in range(20):
        made = UsageTally()
        for key_id, model in ((key.pk, "a"), (other.pk, "b"), (key.pk, "b"), (987_654, "a")):
            now, outcome = SECONDS + 1800 * number, outcomes[(number + key_id) % len(outcomes)]
            made.count(key_id, model, outcome, now, LlmTokens(number, 2))
        write_usage(made)

    sums = HourlyUsage.objects.order_by().values("key_id")
    of_hours = sums.annotate(**{f"{name}_sum": Sum(name) for name in COLUMNS})
    found = {row.pop("key_id"): list(row.values()) for row in of_hours}

    totals = {total.key_id: total for total in KeyTotal.objects.all()}
    assert found[key.pk][0] == 40
    assert {
        key_id: [getattr(total, column) for column in COLUMNS] for key_id, total in totals.items()
    } == found


def answers(*counted: tuple[int, float]) -> ClientAnswers:
    """What answers of these statuses, waited for so many seconds, come to."""
    made = UsageTally()
    for status, waited in counted:
        made.count_answer(status, waited, SECONDS)
    return made.minutes[MINUTE].answers


def test_every_attempt_counts_for_its_minute_too():
    made = tally((1, "m", AttemptOutcome.SUCCEEDED), (2, "", AttemptOutcome.RATE_LIMITED))
    made.count(1, "m", AttemptOutcome.CANCELLED, SECONDS + 60)

    first, second = made.minutes[MINUTE].attempts, made.minutes[MINUTE + 1].attempts
    assert (first.requests, first.succeeded, first.rate_limited, first.prompt_tokens) == (
        2,
        1,
        1,
        6,
    )
    assert (second.requests, second.cancelled) == (1, 1)
    assert made.minutes[MINUTE].answers == ClientAnswers()


def test_pieces_of_a_tally_add_up_to_it():
    whole = tally(*((number, "m", AttemptOutcome.SUCCEEDED) for number in range(7)))
    whole.count_answer(200, 0.1, SECONDS)
    for number in range(8):
        whole.clients.count_answer(number, "m", 200, SECONDS)

    pieces = whole.pieces(3)
    again = UsageTally()
    for piece in pieces:
        again.merge(piece)

    assert usage_record(again) == usage_record(whole)
    assert [len(piece.counts) for piece in pieces] == [3, 3, 1]
    assert [len(piece.clients.last_used) for piece in pieces] == [3, 3, 2]
    assert whole.pieces(8) == [whole]


def test_an_answer_below_400_is_one_that_went_well_and_tells_how_long_it_was_waited_for():
    seen = answers((200, 0.02), (302, 0.02), (429, 0.02), (500, 0.02))

    assert (seen.answered, seen.answered_well) == (4, 2)
    assert seen.latency == [2] + [0] * 15


@pytest.mark.parametrize(
    ("waited", "bucket"), [(0.0, 0), (0.025, 0), (0.026, 1), (1.0, 7), (60.0, 14), (3600.0, 15)]
)
def test_a_wait_falls_into_the_bucket_whose_bound_it_does_not_exceed(waited: float, bucket: int):
    assert answers((200, waited)).latency.index(1) == bucket


def test_there_is_a_column_for_each_bound_and_one_without():
    named = [field.name for field in MinuteUsage._meta.fields if field.name.startswith("latency_")]

    assert len(LATENCY_COLUMNS) == len(LATENCY_BOUNDS_MS) + 1
    assert named == list(LATENCY_COLUMNS)


@pytest.mark.parametrize(
    ("error", "no_key", "proxy_failed"),
    [
        (NoKeyAvailable("none"), 1, 0),
        (ProxyFailed("down"), 0, 1),
        (UpstreamTimedOut("late"), 0, 0),
        (BadRequest("no"), 0, 0),
    ],
)
def test_an_answer_of_the_gateways_own_never_went_well(
    error: GatewayError, no_key: int, proxy_failed: int
):
    made = UsageTally()
    made.count_failure(error, SECONDS)

    assert made.minutes[MINUTE].answers == ClientAnswers(
        answered=1, no_key=no_key, proxy_failed=proxy_failed
    )


def test_a_tally_of_answers_alone_is_worth_writing():
    made = UsageTally()
    assert not made

    made.count_failure(NoKeyAvailable("none"), SECONDS)

    assert made


def test_minutes_are_added_to_the_row_that_all_processes_share(key):
    for waited in (0.02, 0.02, 5.0):
        made = tally((key.pk, "m", AttemptOutcome.SUCCEEDED))
        made.count_answer(200, waited, SECONDS)
        made.count_failure(NoKeyAvailable("none"), SECONDS)
        write_usage(made)

    row = MinuteUsage.objects.get()
    expected = dict.fromkeys(MINUTE_COLUMNS, 0) | {
        "requests": 3,
        "succeeded": 3,
        "answered": 6,
        "answered_well": 3,
    }
    expected |= {
        "no_key": 3,
        "prompt_tokens": 9,
        "output_tokens": 15,
        "latency_0": 2,
        "latency_11": 1,
    }
    assert row.minute == NOW
    assert {column: getattr(row, column) for column in MINUTE_COLUMNS} == expected


def test_what_belongs_to_a_deleted_key_is_left_out(key):
    write_usage(
        tally((key.pk, "m", AttemptOutcome.SUCCEEDED), (key.pk + 1, "m", AttemptOutcome.SUCCEEDED))
    )
    version = write_cooldowns([cooldown(key.pk), cooldown(key.pk + 1)])

    assert HourlyUsage.objects.count() == RateLimitEvent.objects.count() == 1
    assert version == RotationCursor.objects.get(ring="").pool_version == 1


def test_what_ends_after_its_key_was_removed_counts_in_hours_as_in_minutes(key):
    ended = tally((key.pk, "m", AttemptOutcome.SUCCEEDED))
    key_id = key.pk
    remember_removed(ApiKey.objects.filter(pk=key_id))
    key.delete()

    write_usage(ended)

    assert HourlyUsage.objects.get().key_id == key_id
    for table in (HourlyUsage, ModelHour, MinuteUsage):
        assert table.objects.get().requests == 1
    assert not KeyTotal.objects.exists()


def test_what_clients_did_is_added_up_by_day_and_model_also_after_the_spool(db):
    token = ClientToken.objects.create(name="t", token_hash="0" * 64)
    lines = []
    for number, status in enumerate((200, 404), start=1):
        counted = UsageTally()
        counted.clients.count_answer(token.pk, "m", status, SECONDS)
        parts = {"cached": 2, "thoughts": 4, "tool_use": 1}
        cost = 9 if status == 200 else None
        counted.clients.count_llm_tokens(token.pk, "m", 3, 5, SECONDS, **parts, cost=cost)
        counted.clients.count_refused(token.pk, SECONDS)
        counted.clients.count_answer(token.pk + 1, "m", 200, SECONDS)  # deleted meanwhile
        assert counted
        lines.append(encoded_record(number, usage_record(counted)))
        write_usage(counted)
    records, senseless = decoded_record(lines)
    for record in records:
        write_usage(record.tally)

    columns = ("day", "model", *CLIENT_COLUMNS)
    assert senseless == []
    assert list(TokenUsage.objects.order_by("model").values_list(*columns)) == [
        (NOW.date(), "", 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0),
        (NOW.date(), "m", 2, 2, 0, 12, 20, 8, 16, 4, 0, 18, 16),
    ]
    token.refresh_from_db()
    assert token.last_used_at == NOW
