"""What a client is told when no key can answer."""

import pytest

from proxyapp.forwarding.no_key import LONGEST_RETRY_SECONDS, Comeback, comeback, no_key
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.snapshot import Snapshot
from proxyapp.vocabulary.errors import KeysSpent, NoKeyAvailable
from tests.support.snapshots import SaidNothing, snapshot

NOW = 1_000.0
PRO = "gemini-2.5-pro"
DAY = 86_400.0


def request(ring: str = ALL_GROUPS, model: str = PRO) -> RequestPlan:
    path = b"/v1beta/models" + (f"/{model}:generateContent".encode() if model else b"")
    return RequestPlan(ring, "POST", facts_of(path), None, [], RequestBody(), model)


async def refusal(pool: Snapshot, ring: str = ALL_GROUPS, words: str = "") -> NoKeyAvailable:
    said = SaidNothing()
    if words:
        said.note(pool.rings[ring], PRO, words, NOW + DAY)
    return await no_key(pool, said, request(ring), NOW)


async def test_the_first_key_that_comes_back_says_when():
    pool = snapshot("aa", {1: NOW + 9.2, 2: NOW + 30})

    error = await refusal(pool, words="Quota exceeded.")

    assert isinstance(error, KeysSpent)
    assert (error.status, error.retry_after, error.is_worth_trying) == (429, 10, True)
    assert error.message == (
        f"All API keys are spent for {PRO}. The first one is back at 1970-01-01 00:16:50 UTC,"
        " in 10 s."
    )
    assert error.last_words == "Quota exceeded."


def test_a_cooldown_of_another_model_keeps_nobody_waiting():
    pool = snapshot("a")
    pool.cool(1, NOW + 30, quota_scope="gemini-2.5-flash")

    assert comeback(pool, request(), NOW) == Comeback(NOW, 1, is_worth_trying=True)


async def test_a_wait_that_is_no_days_is_not_said_to_be_longer_than_sdks_heed():
    pool = snapshot("a", {1: NOW + 3600})

    error = await refusal(pool)

    assert (error.retry_after, error.is_worth_trying) == (LONGEST_RETRY_SECONDS, True)
    assert error.message.endswith("in 1 h.")


async def test_a_key_that_is_out_for_the_day_is_not_worth_trying_before():
    pool = snapshot("a")
    pool.cool(1, NOW + DAY, quota_scope=PRO, is_daily=True)

    error = await refusal(pool)

    assert (error.retry_after, error.is_worth_trying) == (int(DAY), False)


@pytest.mark.parametrize(
    ("ring", "whose"),
    [
        (ALL_GROUPS, "the gateway has none"),
        ("group:1", "this group has none"),
        ("groups:1,2", "what this token may use has none"),
    ],
)
async def test_where_no_key_will_come_back_it_says_what_to_do(ring: str, whose: str):
    pool = snapshot("di")
    pool.add_ring(frozenset({1, 2}))

    error = await refusal(pool, ring)

    assert (error.status, error.retry_after) == (503, 60)
    assert whose in error.message
    assert "Add one in config.yaml" in error.message


@pytest.mark.parametrize(
    ("statuses", "cooling", "status", "retry_after"),
    [("aaa", {3: NOW + 9.2}, 429, 10), ("aad", {}, 503, 60)],
)
async def test_keys_of_a_group_that_has_not_the_path_keep_nobody_waiting(
    statuses: str, cooling: dict[int, float], status: int, retry_after: int
):
    pool, asked = snapshot(statuses, cooling), request()
    asked.barred_groups = frozenset({1})

    error = await no_key(pool, SaidNothing(), asked, NOW)

    assert (error.status, error.retry_after) == (status, retry_after)
    assert ("each group that has this path has none" in error.message) == (status == 503)


def test_a_ring_that_is_gone_has_no_key():
    assert comeback(snapshot(), request("group:9"), NOW) is None
