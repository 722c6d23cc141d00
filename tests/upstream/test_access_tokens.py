"""Access tokens of service accounts: one question for all who wait, renewed in time, bounded."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.located_groups import group_of_key
from proxyapp.upstream import access_tokens
from proxyapp.upstream.key_probe import probe
from proxyapp.upstream.token_minting import NoToken
from proxyapp.upstream.upstreams import Upstreams, verifying_context
from proxyapp.vocabulary.service_account import stored_account
from tests.support import snapshots
from tests.support.fake_providers import TOKENS, VERTEX, FakeProviders
from tests.support.refusals import judged
from tests.support.service_accounts import TARGET, account, private_pem


@pytest.fixture
def providers() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    made = Upstreams(verifying_context())
    yield made
    await made.aclose()


def key_of(
    providers: FakeProviders, given: dict[str, Any] | None = None, number: int = 1
) -> PoolKey:
    group = snapshots.group(1, "vertex", target_url=TARGET, **providers.way())
    secret = stored_account(given or account())
    return PoolKey(
        number,
        group_of_key(group, secret, ""),
        secret,
        "service account 4567",
        "active",
        key_hash=str(number),
    )


async def test_all_who_wait_get_the_token_of_one_question(providers, upstreams):
    key = key_of(providers)
    assert upstreams.tokens.present(key) is None

    signed = await asyncio.gather(*(upstreams.tokens.signed(key) for _ in range(20)))

    assert {one.secret for one in signed} == {f"ya29.token-number-{1:020}"}
    assert providers.minted == 1
    assert upstreams.tokens.present(key) is signed[0]
    assert key.credentials("bearer", is_openai=False) == [], "its private key goes nowhere"
    assert signed[0].credentials("bearer", is_openai=False) == [
        (b"authorization", b"Bearer " + signed[0].secret.encode())
    ]
    assert {one.value("host") for one in providers.of(TOKENS)} == {TOKENS}
    again = dataclasses.replace(key)  # the pool was read anew
    present = upstreams.tokens.present(again)
    assert present is not None
    assert (present.secret, present.group) == (signed[0].secret, again.group)


async def test_a_token_is_renewed_before_its_end_while_requests_go_on_with_it(
    providers, upstreams, monkeypatch
):
    monkeypatch.setattr(access_tokens, "SHORTEST_RENEWED_SECONDS", 0.0)
    providers.token_seconds = 2
    key = key_of(providers)
    first = await upstreams.tokens.signed(key)

    while providers.minted < 2:
        held = upstreams.tokens.present(key)
        assert held is not None
        await asyncio.sleep(0.02)
    while (held := upstreams.tokens.present(key)) is not None and held.secret == first.secret:
        await asyncio.sleep(0.02)

    assert held is not None
    assert held.secret != first.secret


async def test_a_token_that_nobody_used_is_not_renewed(providers, upstreams, monkeypatch):
    monkeypatch.setattr(access_tokens, "SHORTEST_RENEWED_SECONDS", 0.0)
    providers.token_seconds = 1
    key = key_of(providers)
    held = await upstreams.tokens._minting_of(key)
    assert not held.is_used

    await asyncio.sleep(1.2)

    assert providers.minted == 1
    assert upstreams.tokens.present(key) is None
    assert (await upstreams.tokens.signed(key)).secret != held.key.secret


async def test_a_token_that_was_refused_is_forgotten_and_a_newer_one_stays(providers, upstreams):
    key = key_of(providers)
    first = await upstreams.tokens.signed(key)

    upstreams.tokens.forget(first)
    second = await upstreams.tokens.signed(key)
    upstreams.tokens.forget(first)

    assert upstreams.tokens.present(key) is second
    assert providers.minted == 2


async def test_an_account_that_google_does_not_know_is_a_dead_key(providers, upstreams):
    key = key_of(providers, account("stranger"))

    with pytest.raises(NoToken) as refusal:
        await upstreams.tokens.signed(key)

    assert refusal.value.is_refused
    assert refusal.value.status == 401
    verdict = judged(refusal.value.body, 401)
    assert (verdict.kind, verdict.message) == (
        "dead_key",
        "Service account: the token endpoint says invalid_grant: Invalid JWT Signature.",
    )


ERRORS = [
    (500, {"error": "internal_failure"}, False),
    (503, "<html>", False),
    (400, {"error": "invalid_grant", "error_description": "Account not found"}, True),
    (
        401,
        {"error": "disabled_client", "error_description": "The OAuth client was disabled."},
        True,
    ),
    (
        400,
        {
            "error": "invalid_grant",
            "error_description": "Invalid JWT: Token must be a short-lived token (60 minutes) and"
            " in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
        },
        False,
    ),
    (400, {"error": "invalid_scope"}, False),
    (403, {"error": {"code": 403}}, False),
    (200, {"no": "token"}, False),
    (200, [b"not JSON"], False),
    (200, {"access_token": ["a"], "expires_in": 3600}, False),
    (200, {"access_token": "a\r\nx: y", "expires_in": 3600}, False),
    (200, {"access_token": "a", "expires_in": "soon"}, False),
    (200, {"access_token": "a", "expires_in": 1e300}, False),
    (302, {}, False),
]


@pytest.mark.parametrize(("status", "body", "is_refused"), ERRORS)
async def test_only_what_google_says_of_the_account_condemns_it(
    providers, upstreams, monkeypatch, status, body, is_refused
):
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
    providers.refusals[TOKENS] = (status, body)
    key = key_of(providers)

    with pytest.raises(NoToken) as refusal:
        await upstreams.tokens.signed(key)

    assert refusal.value.is_refused is is_refused
    asked = len(providers.server.requests)
    with pytest.raises(NoToken):
        await upstreams.tokens.signed(key)
    assert len(providers.server.requests) == asked, "who comes at once is told the same"


async def test_a_test_of_an_account_names_its_token_nowhere(providers, upstreams):
    key = key_of(providers)
    token = (await upstreams.tokens.signed(key)).secret
    providers.refusals[VERTEX] = (400, {"error": {"code": 400, "message": f"no {token} here"}})
    key = dataclasses.replace(key, group=dataclasses.replace(key.group, host=VERTEX.encode()))

    result = await probe(upstreams, key)

    assert token not in result.message
    assert "no service account 4567 here" in result.message


async def test_what_the_endpoint_repeats_of_an_assertion_is_not_told(providers, upstreams):
    assertion = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJyb2JvdCJ9.c2lnbmF0dXJl"
    said = f"bad assertion {assertion} of you"
    providers.refusals[TOKENS] = (400, {"error": "invalid_grant", "error_description": said})

    with pytest.raises(NoToken) as refusal:
        await upstreams.tokens.signed(key_of(providers))

    assert "bad assertion … of you" in str(refusal.value)
    assert private_pem()[40:60] not in str(refusal.value)


async def test_nobody_waits_longer_than_for_a_connection(providers, upstreams, monkeypatch):
    monkeypatch.setattr(access_tokens, "LONGEST_WAIT_SECONDS", 0.3)

    async def silence(request, connection):
        await asyncio.sleep(30)

    providers.server.on("", silence)
    began = asyncio.get_running_loop().time()

    with pytest.raises(NoToken) as refusal:
        await upstreams.tokens.signed(key_of(providers))

    assert not refusal.value.is_refused
    assert asyncio.get_running_loop().time() - began < 3


async def test_an_endpoint_that_is_not_reached_is_no_fault_of_the_account(providers, upstreams):
    key = key_of(providers)
    group = dataclasses.replace(key.group, proxy_url="http://127.0.0.1:1")

    with pytest.raises(NoToken) as refusal:
        await upstreams.tokens.signed(dataclasses.replace(key, group=group))

    assert not refusal.value.is_refused
    assert "oauth2.googleapis.com was not reached" in str(refusal.value)


async def test_an_account_from_before_the_rule_about_endpoints_is_asked_nowhere(
    providers, upstreams
):
    key = key_of(providers)
    secret = key.secret.replace("https://oauth2.googleapis.com", "https://evil.example")

    with pytest.raises(NoToken) as refusal:
        await upstreams.tokens.signed(dataclasses.replace(key, secret=secret))

    assert refusal.value.is_refused
    assert providers.server.requests == []
