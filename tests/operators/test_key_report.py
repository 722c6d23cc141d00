from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxyapp.ledger.retention import Pruned, prune_batches
from proxyapp.models import ApiKey, DailyUsage, KeyTotal, RateLimitEvent
from proxyapp.models.key_state import in_state
from proxyapp.operators.key_report import key_report
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.times import countdown
from tests.support.pool_data import NOW, add_group, add_key, add_to_total, cool, use

pytestmark = pytest.mark.django_db

UNTIL = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def report(now: datetime = NOW) -> list[dict[str, Any]]:
    return [row.as_json() for row in key_report(ApiKey.objects.all(), now)]


def test_a_row_has_exactly_the_fields_of_the_contract():
    key = add_key(add_group("main"), "one", name="first", last_used_at=NOW)
    cool(key, UNTIL)
    use(
        key,
        requests=9,
        rate_limited=2,
        client_errors=1,
        upstream_errors=3,
        prompt_tokens=100,
        output_tokens=40,
        cached_tokens=30,
        thought_tokens=20,
        tool_use_tokens=10,
    )

    assert report() == [
        {
            "id": key.pk,
            "name": "first",
            "group": "main",
            "masked": "AIza…0one",
            "state": "cooling",
            "cooldowns": [{"model": None, "until": "2026-11-24T07:00:00Z", "reason": "daily"}],
            "requests": 9,
            "rate_limited": 2,
            "errors": 4,
            "prompt_tokens": 100,
            "output_tokens": 40,
            "cached_tokens": 30,
            "thought_tokens": 20,
            "tool_use_tokens": 10,
            "last_used_at": "2026-11-24T03:48:00Z",
        }
    ]


def test_a_key_that_was_never_used_has_zeros_and_no_time():
    add_key(add_group(), "one")

    (row,) = report()

    assert row["last_used_at"] is None
    assert [
        row[name]
        for name in ("requests", "rate_limited", "errors", "prompt_tokens", "output_tokens")
    ] == [0] * 5


def test_usage_is_summed_over_hours_and_models_of_each_key():
    group = add_group()
    one, two = add_key(group, "one"), add_key(group, "two")
    use(one, NOW, "a", requests=1, prompt_tokens=10)
    use(one, NOW, "b", requests=2, prompt_tokens=20)
    use(one, NOW - timedelta(hours=5), "a", requests=4, prompt_tokens=40)
    use(two, NOW, "a", requests=8)

    assert [(row["requests"], row["prompt_tokens"]) for row in report()] == [(7, 70), (8, 0)]


def test_usage_that_was_added_up_into_days_still_counts():
    group = add_group()
    one, two = add_key(group, "one"), add_key(group, "two")
    use(one, NOW, "a", requests=1, client_errors=1, prompt_tokens=10)
    for key, model, requests in ((one, "a", 2), (one, "b", 4), (two, "a", 8)):
        counts = {"requests": requests, "client_errors": requests}
        add_to_total(DailyUsage.objects.create(key=key, day=NOW.date(), model=model, **counts))

    assert [(row["requests"], row["errors"], row["prompt_tokens"]) for row in report()] == [
        (7, 7, 10),
        (8, 8, 0),
    ]


def test_totals_do_not_shrink_when_hours_become_days():
    key = add_key(add_group(), "one")
    for days in (1, 50, 100, 150):
        use(key, NOW - timedelta(days=days), requests=days, rate_limited=1, output_tokens=3)
    before = report()

    pruned = list(prune_batches(NOW))

    assert pruned == [Pruned(hours=2)]
    assert report() == before


def test_rows_are_in_the_order_of_rotation():
    late, early = add_group("late", position=5), add_group("early", position=1)
    keys = [add_key(late, "d"), add_key(early, "b", position=2), add_key(early, "a", position=1)]

    assert [row["id"] for row in report()] == [keys[2].pk, keys[1].pk, keys[0].pk]


def test_a_cooldown_of_one_model_leaves_the_key_available():
    cool(add_key(add_group(), "one"), UNTIL, model="gemini-2.5-pro", kind="day")

    (row,) = report()

    assert row["state"] == "available"
    assert row["cooldowns"] == [
        {"model": "gemini-2.5-pro", "until": "2026-11-24T07:00:00Z", "reason": "day"}
    ]


def test_the_cooldown_of_the_whole_key_comes_first_and_one_a_model_is_listed():
    key = add_key(add_group(), "one")
    cool(key, UNTIL, model="pro")
    cool(key, UNTIL - timedelta(hours=1))
    cool(key, UNTIL)
    cool(key, UNTIL - timedelta(hours=2), model="pro")

    cooldowns = report()[0]["cooldowns"]

    assert [(cooldown["model"], cooldown["until"]) for cooldown in cooldowns] == [
        (None, "2026-11-24T07:00:00Z"),
        ("pro", "2026-11-24T07:00:00Z"),
    ]


def test_a_cooldown_that_is_over_or_released_does_not_count():
    group = add_group()
    over, released = add_key(group, "over"), add_key(group, "released")
    cool(over, NOW)
    RateLimitEvent.objects.filter(pk=cool(released, UNTIL).pk).update(released_at=NOW)

    assert [(row["state"], row["cooldowns"]) for row in report()] == [
        ("available", []),
        ("available", []),
    ]


@pytest.mark.parametrize("status", [KeyStatus.DISABLED, KeyStatus.INVALID])
def test_a_key_that_is_out_for_good_says_so_even_while_it_is_cooling(status: KeyStatus):
    cool(add_key(add_group(), "one", status=status), UNTIL)

    assert [row["state"] for row in report()] == [status.value]


def test_a_fraction_of_a_second_is_rounded_up_so_that_nobody_comes_too_early():
    cool(add_key(add_group(), "one"), UNTIL - timedelta(milliseconds=300))

    assert report()[0]["cooldowns"][0]["until"] == "2026-11-24T07:00:00Z"


def test_each_state_finds_its_keys():
    group = add_group()
    keys = {
        "available": [add_key(group, "a"), add_key(group, "b")],
        "cooling": [add_key(group, "c")],
        "disabled": [add_key(group, "d", status=KeyStatus.DISABLED)],
        "invalid": [add_key(group, "e", status=KeyStatus.INVALID)],
    }
    cool(keys["available"][1], UNTIL, model="pro")
    cool(keys["cooling"][0], UNTIL)
    cool(keys["disabled"][0], UNTIL)

    found = {state: list(in_state(ApiKey.objects.all(), state, NOW)) for state in keys}

    assert found == keys


def test_an_endpoint_that_names_no_model_stands_where_models_do():
    cool(add_key(add_group(), "one"), UNTIL, model="/batches", kind="minute")

    (row,) = key_report(ApiKey.objects.all(), NOW)

    assert row.as_json()["cooldowns"] == [
        {"model": "/batches", "until": "2026-11-24T07:00:00Z", "reason": "minute"}
    ]
    assert row.describe_state(NOW) == [
        "available",
        "/batches cooling until 2026-11-24 07:00 UTC (in 3 h 12 min)",
    ]


def test_the_number_of_queries_does_not_depend_on_the_number_of_keys(
    django_assert_num_queries: Any,
):
    group = add_group()
    for label in range(25):
        key = add_key(group, str(label))
        cool(key, UNTIL)
        use(key, requests=1)

    with django_assert_num_queries(2):
        rows = key_report(ApiKey.objects.all(), NOW)

    assert [row.requests for row in rows] == [1] * 25


def test_a_report_of_some_keys_leaves_out_the_others():
    group = add_group()
    one, _ = add_key(group, "one"), add_key(group, "two")
    use(one, requests=3)

    rows = key_report(ApiKey.objects.filter(pk=one.pk), NOW)

    assert [(row.id, row.requests) for row in rows] == [(one.pk, 3)]


def test_ten_thousand_keys_are_read_without_decrypting_any(monkeypatch: pytest.MonkeyPatch):
    group = add_group()
    keys = [
        ApiKey(group=group, key_hash=f"{n:064}", masked="••••", position=n, secret="unused")
        for n in range(10_000)
    ]
    monkeypatch.setattr(
        "proxyapp.models.sealed.SealedTextField.get_prep_value", lambda field, value: value
    )
    ApiKey.objects.bulk_create(keys, batch_size=2000)
    KeyTotal.objects.bulk_create([KeyTotal(key=key, requests=1) for key in keys], batch_size=2000)
    monkeypatch.setattr(
        "proxyapp.models.sealed.SealedTextField.from_db_value",
        lambda *_: pytest.fail("decrypted a secret"),
    )

    rows = key_report(ApiKey.objects.all(), NOW)

    assert len(rows) == 10_000
    assert {row.requests for row in rows} == {1}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.2, "1 s"),
        (45, "45 s"),
        (60, "1 min"),
        (61, "2 min"),
        (3600, "1 h"),
        (3 * 3600 + 11 * 60 + 30, "3 h 12 min"),
        (24 * 3600, "24 h"),
        (48 * 3600, "2 d"),
        (51 * 3600, "2 d 3 h"),
    ],
)
def test_a_countdown_is_read_at_a_glance(seconds: float, text: str):
    assert countdown(NOW + timedelta(seconds=seconds), NOW) == text
