"""What a client is told when a limit of the gateway's own is in its way."""

import math

import pytest

from proxyapp.forwarding.bond import Bond
from proxyapp.forwarding.no_key import LONGEST_RETRY_SECONDS
from proxyapp.forwarding.own_limits import at_own_limits
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from proxyapp.vocabulary.errors import KeysSpent
from tests.support.fake_quota import FakeQuota
from tests.support.snapshots import snapshot

NOW = 1_000.0
PRO = "gemini-2.5-pro"
WORDS = "requests_per_minute 10 (project of 1)"


def request(model: str = PRO) -> RequestPlan:
    path = f"/v1beta/models/{model}:generateContent".encode()
    return RequestPlan(ALL_GROUPS, "POST", facts_of(path), None, [], RequestBody(), model)


def told(
    pool: Snapshot, asked: RequestPlan | None = None, turned_away: tuple[int, ...] = ()
) -> KeysSpent | None:
    return at_own_limits(pool, FakeQuota(pool), asked or request(), turned_away, NOW)


def test_it_says_which_limit_and_when_there_is_room_again():
    pool = snapshot("aa")
    pool.hold([1], PRO, NOW + 9.2)
    pool.hold([2], PRO, NOW + 30)

    error = told(pool)
    assert error is not None
    assert (error.status, error.retry_after, error.is_worth_trying) == (429, 10, True)
    assert error.message == (
        f"What this gateway's own limits allow for {PRO} is used up: {WORDS}."
        " There is room at 1970-01-01 00:16:50 UTC, in 10 s."
    )


def test_while_others_are_under_way_it_is_soon():
    pool = snapshot("aa")
    pool.hold([1, 2], "", math.inf)

    error = told(pool)
    assert error is not None
    assert (error.retry_after, error.is_worth_trying) == (1, True)
    assert error.message.startswith(f"As many requests are under way for {PRO} as this gateway")


def test_a_days_limit_is_not_worth_trying_before():
    pool = snapshot("a")
    pool.hold([1], PRO, NOW + 80_000, is_daily=True)

    error = told(pool)
    assert error is not None
    assert (error.retry_after, error.is_worth_trying) == (80_000, False)


def test_a_wait_that_is_no_days_is_not_said_to_be_longer_than_sdks_heed():
    pool = snapshot("a")
    pool.hold([1], PRO, NOW + 300)

    error = told(pool)
    assert error is not None
    assert error.retry_after == LONGEST_RETRY_SECONDS


def test_a_request_that_is_too_large_for_what_is_left_is_told_so():
    error = told(snapshot("aa"), turned_away=(2, 99))

    assert error is not None
    assert "a request of this size" in error.message
    assert "project of 2" in error.message


def test_of_keys_that_only_some_requests_can_use_those_count():
    pool, asked = snapshot("aaa"), request()
    asked.bond = Bond(("files/x",), (2,))
    pool.hold([2], PRO, NOW + 5)
    assert told(pool, asked) is not None

    asked.bond = Bond(("files/x",), (3,))
    assert told(pool, asked) is None


@pytest.mark.parametrize("statuses", ["a", "d", "i"])
def test_where_nothing_is_held_the_provider_has_the_word(statuses: str):
    assert told(snapshot(statuses, {1: NOW + 60})) is None


def test_where_the_providers_refusal_ends_first_it_has_the_word():
    pool = snapshot("aa", {1: NOW + 5})
    pool.hold([2], PRO, NOW + 50)

    assert told(pool) is None


def test_a_key_that_the_provider_refused_besides_is_not_held_by_a_limit():
    pool = snapshot("a", {1: NOW + 60})
    pool.hold([1], PRO, NOW + 50)

    assert told(pool) is None
