"""What is made of an answer: the verdict on it, and the cooldown that follows from that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxyapp.access.limits import ClientLimits
from proxyapp.database.threads import DatabaseThreads
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.attempt_count import AttemptCount
from proxyapp.forwarding.judge import cooldown, cooldown_of, judged, watch_stream
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.ledger.counting import Counting
from proxyapp.pool.cooldown_rows import NewCooldown
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import PastRefusals, Recovery, Strikes, Unit
from proxyapp.pool.wish import Turn
from proxyapp.provider.kind_spec import Retry, Scope
from proxyapp.provider.kinds import Kind
from proxyapp.provider.verdict import Verdict
from proxyapp.vocabulary.choices import Auth, RateLimitPolicy
from tests.support.refusals import recorded
from tests.support.snapshots import group

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PRO = "gemini-2.5-pro"
SECRET = "AIza-the-secret-of-the-key"
DAILY = PoolKey(1, group(1, "daily"), SECRET, "AIza…key", "active")
QUOTA_AWARE = PoolKey(
    2,
    group(2, "aware", policy=RateLimitPolicy.QUOTA_AWARE),
    SECRET,
    "AIza…key",
    "active",
    project="p",
    key_hash="hash",
)
NO_REASON = b'{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "no"}}'
BAD_CREDENTIALS = recorded("401_access_token_type_unsupported")


class Cooled:
    """What was imposed, instead of taking anything out."""

    def __init__(self) -> None:
        self.cooldowns: list[NewCooldown] = []

    def impose(self, cooldown: NewCooldown) -> None:
        self.cooldowns.append(cooldown)


def attempted(
    status: int, body: bytes, key: PoolKey = QUOTA_AWARE, auth: str = Auth.GOOGLE
) -> Attempt:
    """With a key, answered by an upstream."""
    recovery = Recovery(PastRefusals())
    counting, turn = Counting(ClientLimits(DatabaseThreads())), Turn(key)
    attempt = Attempt(AttemptCount(counting, recovery, turn, request()), turn, auth)
    attempt.status = status
    attempt.replace_body(body, b"application/json")
    return attempt


def request(path: bytes = b"/v1beta/models/gemini-2.5-pro:generateContent", **given: Any) -> Any:
    return RequestPlan("", "POST", facts_of(path), given.get("query"), [], RequestBody(), PRO)


async def verdict_on(attempt: Attempt, recovery: Recovery | None = None, **given: Any) -> Verdict:
    verdict = await judged(recovery or Recovery(PastRefusals()), request(**given), attempt)
    assert verdict
    return verdict


async def test_a_429_of_a_daily_group_takes_the_key_out_for_every_model():
    verdict = await verdict_on(attempted(429, NO_REASON, DAILY))

    assert (verdict.kind, verdict.scope, verdict.model) == (Kind.DAILY, Scope.KEY, "")


async def test_a_daily_group_has_nothing_to_say_of_other_refusals():
    assert (
        await judged(Recovery(PastRefusals()), request(), attempted(403, NO_REASON, DAILY)) is None
    )


async def test_a_limit_counts_for_what_the_requests_quota_counts_for():
    path = b"/v1beta/models/gemini-2.5-pro:countTokens"

    verdict = await verdict_on(attempted(429, NO_REASON), path=path)

    assert verdict.model == f"{PRO}:countTokens"


async def test_a_limit_without_a_reason_waits_longer_after_each_strike():
    struck = Recovery(
        PastRefusals(strikes={Unit(2, PRO): Strikes(2, datetime.now(UTC).timestamp())})
    )

    first = await verdict_on(attempted(429, NO_REASON))
    third = await verdict_on(attempted(429, NO_REASON), struck)

    assert first.kind is third.kind is Kind.UNKNOWN_LIMIT
    assert first.until
    assert third.until
    assert third.until - first.until > timedelta(seconds=80)


@pytest.mark.parametrize(
    ("auth", "query", "kind"),
    [
        (Auth.GOOGLE, None, Kind.DEAD_KEY),
        (Auth.X_GOOG_API_KEY, None, Kind.DEAD_KEY),
        (Auth.BEARER, None, Kind.PROXY_FAULT),
        (Auth.GOOGLE, b"access_token=the-clients-own", Kind.PROXY_FAULT),
    ],
)
async def test_a_key_is_condemned_only_where_it_was_the_only_credential_in_its_place(
    auth: str, query: bytes | None, kind: Kind
):
    verdict = await verdict_on(attempted(401, BAD_CREDENTIALS, auth=auth), query=query)

    assert verdict.kind is kind


async def test_a_cooldown_says_what_was_refused_without_the_key():
    body = NO_REASON.replace(b'"no"', f'"no quota for {SECRET}"'.encode())
    attempt = attempted(429, body)

    made = await cooldown_of(attempt, await verdict_on(attempt))

    assert (made.key_id, made.model, made.kind, made.http_status) == (2, PRO, "unknown_limit", 429)
    assert made.key_hash == "hash"
    assert SECRET not in made.excerpt + made.reason
    assert "AIza…key" in made.excerpt


@pytest.mark.parametrize(("scope", "project"), [(Scope.PROJECT, "p"), (Scope.KEY, "")])
def test_only_what_counts_for_the_project_takes_out_its_other_keys(scope: Scope, project: str):
    verdict = Verdict(Kind.MINUTE, scope, PRO, NOW + timedelta(seconds=9), Retry.NEXT_KEY)

    made = cooldown(QUOTA_AWARE, verdict, 429, b"", NOW)

    assert (made.project, made.until) == (project, NOW + timedelta(seconds=9))


def test_a_cooldown_does_not_end_before_it_begins():
    verdict = Verdict(Kind.DEAD_KEY, Scope.KEY, "", None, Retry.NEXT_KEY)

    assert cooldown(QUOTA_AWARE, verdict, 400, b"", NOW).until == NOW


def test_an_error_at_the_end_of_a_stream_counts_for_the_next_request():
    attempt, cooled = attempted(200, b""), Cooled()

    watch_stream(Recovery(PastRefusals()), cooled, request(), attempt)  # type: ignore[arg-type]

    assert attempt.on_error
    assert attempt.on_error(NO_REASON) == 429
    assert [(made.model, made.http_status) for made in cooled.cooldowns] == [(PRO, 429)]


def test_the_end_of_a_file_is_not_looked_at():
    attempt = attempted(200, b"")

    watch_stream(
        Recovery(PastRefusals()),
        Cooled(),  # type: ignore[arg-type]
        request(b"/v1beta/files/abc:download"),
        attempt,
    )

    assert attempt.on_error is None


@pytest.mark.parametrize(
    ("content_type", "is_read"),
    [
        (b"text/event-stream", True),
        (b"text/event-stream;charset=utf-8", True),
        (b"application/json; charset=UTF-8", True),
        (b"application/problem+json", True),
        (b"application/x-protobuf", False),
        (b"text/plain", False),
        (b"application/jsonx", False),
        (b"", False),
    ],
)
def test_only_streams_of_events_and_json_are_looked_at(content_type: bytes, is_read: bool):
    attempt = attempted(200, b"")
    attempt.headers = [(b"Content-Type", content_type)]

    watch_stream(Recovery(PastRefusals()), Cooled(), request(), attempt)  # type: ignore[arg-type]

    assert (attempt.on_error is not None) == is_read


@pytest.mark.parametrize(
    "body", ["400_api_key_invalid", "403_consumer_suspended_2024", "429_prepay_depleted"]
)
def test_an_error_at_the_end_of_a_stream_neither_condemns_nor_bills_a_key(body: str):
    attempt, cooled = attempted(200, b""), Cooled()

    watch_stream(Recovery(PastRefusals()), cooled, request(), attempt)  # type: ignore[arg-type]

    assert attempt.on_error
    attempt.on_error(recorded(body))
    assert cooled.cooldowns == []
