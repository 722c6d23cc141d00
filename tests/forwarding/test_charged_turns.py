"""What a turn took of limits ends exactly once, with what its answer came to."""

import asyncio

import pytest

from proxyapp.forwarding.answering import forward
from proxyapp.forwarding.send import ask
from proxyapp.provider.llm_tokens import NONE, LlmTokens
from proxyapp.vocabulary.errors import GatewayError, KeysSpent
from tests.support.fake_quota import FakeQuota
from tests.support.scripted_upstream import OK
from tests.support.searching import REFUSED, Parts, request, searching

USAGE = b'{"candidates":[],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2}}'
TOLD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(USAGE), USAGE)
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + USAGE
TWO = b'{"error": {"code": 400, "message": "Multiple authentication credentials received."}}'
TWO_REFUSED = b"HTTP/1.1 400 X\r\nContent-Length: %d\r\n\r\n%b" % (len(TWO), TWO)


def limited(parts: Parts) -> FakeQuota:
    parts.quota.is_idle = False
    return parts.quota


def ends(quota: FakeQuota) -> list[tuple[int, list[tuple[LlmTokens, bool] | None]]]:
    return [(charge.key_id, charge.ends) for charge in quota.charges]


async def test_a_success_costs_what_its_usage_says_when_it_has_ended():
    async with searching(TOLD) as (_, parts):
        quota = limited(parts)
        attempt = await forward(parts, request())
        assert ends(quota) == [(1, [])]
        assert b"".join([chunk async for chunk in attempt]) == USAGE
        await attempt.aclose()

    assert ends(quota) == [(1, [(LlmTokens(7, 2), True)])]


async def test_a_refusal_is_not_counted_and_the_next_key_is_charged():
    async with searching(REFUSED, TOLD) as (_, parts):
        quota = limited(parts)
        attempt = await forward(parts, request())
        await attempt.aclose()

    assert ends(quota)[0] == (1, [(NONE, False)])
    assert ends(quota)[1][0] == 2
    assert len(ends(quota)[1][1]) == 1


async def test_a_turn_that_asks_twice_is_charged_once_and_for_the_second_answer():
    async with searching(TWO_REFUSED, TOLD, keys=1, auth="both") as (upstream, parts):
        quota = limited(parts)
        attempt = await forward(parts, request())
        assert b"".join([chunk async for chunk in attempt]) == USAGE

    assert len(upstream.heads) == 2
    assert ends(quota) == [(1, [(LlmTokens(7, 2), True)])]


async def test_who_leaves_in_the_middle_has_asked():
    async with searching(BEGUN) as (_, parts):
        quota = limited(parts)
        attempt = await forward(parts, request())
        await attempt.aclose()
        await attempt.aclose()

    assert len(ends(quota)[0][1]) == 1
    assert quota.charges[0].ends[0] is not None


async def test_what_was_never_sent_costs_nothing():
    async with searching(OK, keys=1) as (upstream, parts):
        quota = limited(parts)
        await upstream.__aexit__(None, None, None)
        with pytest.raises(GatewayError):
            await forward(parts, request())

    assert ends(quota) == [(1, [None])]


async def test_who_leaves_before_the_answer_ends_it_once():
    async with searching(b"", keys=1) as (upstream, parts):
        quota = limited(parts)
        asking = asyncio.create_task(forward(parts, request()))
        while not upstream.heads:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    assert len(ends(quota)[0][1]) == 1


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_a_turn_that_never_began_to_ask_costs_nothing(error: type[BaseException]):
    async def failing(*_: object) -> None:
        raise error

    async with searching(OK, keys=1) as (_, parts):
        quota = limited(parts)
        with pytest.raises(error):
            await forward(parts, request(), failing)  # type: ignore[arg-type]

    assert ends(quota) == [(1, [None])]


async def test_a_session_keeps_its_place_beyond_its_attempt():
    async with searching(TOLD, keys=1) as (_, parts):
        quota = limited(parts)
        attempt = await forward(parts, request(), ask)
        charge = attempt.count.release_charge()
        await attempt.aclose()
        assert ends(quota) == [(1, [])]
        assert charge is not None
        charge.end(NONE)

    assert ends(quota) == [(1, [(NONE, True)])]


async def test_without_room_nobody_is_asked():
    async with searching(OK) as (upstream, parts):
        quota = limited(parts)
        quota.room.update({1: 0, 2: 0})
        with pytest.raises(KeysSpent) as caught:
            await forward(parts, request())

    assert (upstream.heads, caught.value.status, caught.value.retry_after) == ([], 429, 1)
