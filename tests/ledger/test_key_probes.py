"""One question about a key at a time, over all processes, and when a dead key is asked again."""

from datetime import datetime, timedelta

import pytest

from proxyapp.ledger.key_probes import (
    ANSWER_HOLDS,
    QUESTION_HOLDS,
    Claim,
    bring_back,
    claim,
    due_keys,
    settle,
)
from proxyapp.models import ApiKey, AuditEntry, KeyProbe
from proxyapp.provider.probing import ProbeOutcome, again_after
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.pool_data import NOW, add_group, add_key, pool_version

pytestmark = pytest.mark.django_db
MOMENT = timedelta(seconds=1)


@pytest.fixture
def key() -> ApiKey:
    return add_key(add_group(), "one")


def claimed(key: ApiKey, after: timedelta, key_hash: str = "") -> Claim:
    given = claim(key.pk, key_hash or key.key_hash, NOW + after)
    assert given
    return given


def due_at() -> datetime:
    at = KeyProbe.objects.get().due_at
    assert at
    return at


def found(key: ApiKey, outcome: ProbeOutcome, after: timedelta, message: str = "x") -> None:
    settle(key.pk, key.key_hash, outcome, message, NOW + after)


def test_the_first_asks_and_the_others_wait_for_its_answer(key):
    assert claim(key.pk, key.key_hash, NOW) == Claim(is_mine=True)
    assert claim(key.pk, key.key_hash, NOW + MOMENT) == Claim(is_mine=False)

    found(key, ProbeOutcome.DEAD, 2 * MOMENT)

    assert claim(key.pk, key.key_hash, NOW + 3 * MOMENT) == Claim(False, ProbeOutcome.DEAD)


def test_an_answer_holds_for_a_while_and_a_question_that_died_with_its_process_too(key):
    claim(key.pk, key.key_hash, NOW)
    assert claimed(key, QUESTION_HOLDS).is_mine

    found(key, ProbeOutcome.WORKS, QUESTION_HOLDS)

    later = QUESTION_HOLDS + ANSWER_HOLDS
    assert claimed(key, later - MOMENT).outcome is ProbeOutcome.WORKS
    assert claimed(key, later).is_mine


def test_a_clock_that_was_set_back_makes_nobody_wait(key):
    claim(key.pk, key.key_hash, NOW)
    found(key, ProbeOutcome.WORKS, MOMENT)

    assert claimed(key, -timedelta(hours=1)).is_mine


def test_what_was_found_of_a_replaced_secret_says_nothing_of_the_new_one(key):
    claim(key.pk, key.key_hash, NOW)
    found(key, ProbeOutcome.DEAD, MOMENT)

    assert claimed(key, 2 * MOMENT, "another").is_mine
    assert KeyProbe.objects.get().deaths == 0


def test_nobody_asks_about_a_key_that_is_gone(key):
    key.delete()

    assert claim(key.pk, "x", NOW) is None


def test_a_dead_key_is_asked_again_soon_and_then_daily(key):
    waits = []
    for _ in range(5):
        found(key, ProbeOutcome.DEAD, timedelta())
        waits.append(due_at() - NOW)

    assert waits == [
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(days=1),
        timedelta(days=1),
    ]


@pytest.mark.parametrize("message", ["Your API key was reported as leaked.", "… is SUSPENDED"])
def test_what_nobody_mends_within_the_hour_is_asked_daily(message):
    assert again_after(1, message) == timedelta(days=1)


def test_invalid_keys_are_due_in_their_time_and_nothing_else_is(key):
    other = add_key(key.group, "two")
    ApiKey.objects.filter(pk=key.pk).update(status=KeyStatus.INVALID)

    assert due_keys(NOW) == []  # from now on a minute
    assert due_keys(NOW + timedelta(minutes=1)) == [key.pk]
    ApiKey.objects.filter(pk=other.pk).update(status=KeyStatus.DISABLED)
    assert due_keys(NOW + timedelta(days=3)) == [key.pk]


def test_a_key_that_works_again_is_brought_back_with_a_word_in_the_audit_log(key):
    ApiKey.objects.filter(pk=key.pk).update(status=KeyStatus.INVALID, status_reason="was dead")
    version = pool_version()

    assert bring_back(key.pk, key.key_hash, "works")

    key.refresh_from_db()
    entry = AuditEntry.objects.get()
    assert (key.status, key.status_reason) == (KeyStatus.ACTIVE, "")
    assert (entry.actor, entry.action, entry.label) == ("probe", "enable", str(key))
    assert pool_version() > version


@pytest.mark.parametrize("status", [KeyStatus.DISABLED, KeyStatus.ACTIVE])
def test_a_key_that_an_operator_has_touched_stays_as_it_is(key, status):
    ApiKey.objects.filter(pk=key.pk).update(status=status)

    assert not bring_back(key.pk, key.key_hash, "works")
    assert not AuditEntry.objects.exists()


def test_a_replaced_key_is_not_brought_back_for_its_old_secret(key):
    ApiKey.objects.filter(pk=key.pk).update(status=KeyStatus.INVALID)

    assert not bring_back(key.pk, "another", "works")
