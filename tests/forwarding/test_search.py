"""One request's way from key to key, with an upstream but without a process or a database."""

import asyncio

import pytest

from proxyapp.access.token_book import Client
from proxyapp.forwarding.answering import forward
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.path_facts import facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.send import ask
from proxyapp.pool.probation import Unit
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.wish import Turn
from proxyapp.vocabulary.errors import KeysSpent, NoKeyAvailable
from tests.support.scripted_upstream import OK
from tests.support.searching import HOUR, REFUSED, request, searching

BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"


def answer(status: int, message: bytes) -> bytes:
    """A refusal in Google's form."""
    body = b'{"error": {"code": %d, "message": "%b"}}' % (status, message)
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


TWO_REFUSED = answer(400, b"Multiple authentication credentials received. Please pass only one.")


async def whole(attempt: Attempt) -> bytes:
    return b"".join([chunk async for chunk in attempt])


async def test_a_good_answer_is_relayed_and_counted():
    async with searching(OK) as (_, parts):
        attempt = await forward(parts, request(Client(id=7)))
        assert (attempt.status, await whole(attempt)) == (200, b"ok")

    [(place, counts)] = parts.counting.tally.counts.items()
    assert (place.key_id, place.model, counts.succeeded) == (1, "gemini-2.5-pro", 1)
    assert [of.token_id for of in parts.counting.tally.clients.counts] == [7]
    assert parts.counting.is_dirty.is_set()


async def test_the_next_key_answers_what_one_was_refused():
    async with searching(REFUSED, OK) as (upstream, parts):
        attempt = await forward(parts, request())
        assert (attempt.status, attempt.key.id) == (200, 2)
        await attempt.aclose()

    assert [cooled.key_id for cooled in parts.cooling.cooldowns] == [1]
    assert b"SECRET-1" in upstream.heads[0]
    assert b"SECRET-2" in upstream.heads[1]


async def test_who_meets_the_last_refusal_is_told_what_all_are_told_that_come_after():
    async with searching(REFUSED, REFUSED) as (upstream, parts):
        for _ in range(2):
            with pytest.raises(KeysSpent) as caught:
                await forward(parts, request())
            error = caught.value
            assert (error.status, error.last_words, error.is_worth_trying) == (429, "no", False)
            assert error.retry_after is not None
            assert HOUR - 5 < error.retry_after <= HOUR

    assert len(upstream.heads) == 2
    assert sum(of.answers.no_key for of in parts.counting.tally.minutes.values()) == 2


async def test_a_quota_that_is_spent_is_no_word_about_a_key_in_other_trouble():
    async with searching(BROKEN, REFUSED, policy="quota_aware") as (_, parts):
        attempt = await forward(parts, request())

    assert attempt.status == 429
    assert attempt.header(b"retry-after") == b"1"


async def test_with_keys_left_the_last_refusal_is_relayed(settings):
    settings.MAX_ATTEMPTS = 1
    async with searching(REFUSED, policy="quota_aware") as (_, parts):
        attempt = await forward(parts, request())
        assert (attempt.status, await whole(attempt)) == (429, b"no")

    assert attempt.header(b"retry-after") == b"1"


async def test_without_a_key_no_upstream_is_asked():
    async with searching(OK, keys=0) as (upstream, parts):
        with pytest.raises(NoKeyAvailable):
            await forward(parts, request())

    assert upstream.accepted == 0
    [minute] = parts.counting.tally.minutes.values()
    assert minute.answers.no_key == 1


async def test_a_target_that_refuses_two_credentials_is_asked_again_with_one():
    async with searching(TWO_REFUSED, OK, keys=1, auth="both") as (upstream, parts):
        attempt = await forward(parts, request())
        assert (attempt.status, attempt.key.id) == (200, 1)
        await attempt.aclose()

    assert parts.single_credential == [1]
    assert b"Bearer" in upstream.heads[0]
    assert b"Bearer" not in upstream.heads[1]


@pytest.mark.parametrize(
    "second",
    [
        TWO_REFUSED,
        answer(401, b"Request is missing required authentication credential."),
        answer(400, b"API key not valid. Please pass a valid API key."),
        answer(503, b"overloaded"),
    ],
)
async def test_one_credential_that_does_not_help_is_not_kept_to(second: bytes):
    async with searching(TWO_REFUSED, second, keys=1, auth="both") as (_, parts):
        attempt = await forward(parts, request())
        await attempt.aclose()

    assert parts.single_credential == []


async def test_a_refusal_of_something_else_shows_that_one_credential_is_right():
    not_found = answer(404, b"models/x is not found")
    async with searching(TWO_REFUSED, not_found, keys=1, auth="both") as (_, parts):
        attempt = await forward(parts, request())
        assert attempt.status == 404
        await attempt.aclose()

    assert parts.single_credential == [1]


async def test_a_sentence_within_a_message_changes_nothing():
    named = answer(400, b"models/Multiple authentication credentials received is not found")
    async with searching(named, OK, keys=1, auth="both") as (upstream, parts):
        attempt = await forward(parts, request())
        assert attempt.status == 400
        await attempt.aclose()

    assert (len(upstream.heads), parts.single_credential) == (1, [])


async def test_who_leaves_while_the_body_is_read_lets_go_of_the_key_that_is_probed():
    """Nothing was sent yet, and the key waits for the end of its probe."""
    data = b'{"stream": true, "messages": [%b1]}' % (b"1," * 400_000)
    asked = RequestPlan(
        ALL_GROUPS, "POST", facts_of(b"/v1beta/openai/chat/completions"), None, [],
        RequestBody(data, length=len(data)), "m",
    )  # fmt: skip
    async with searching(OK, include_usage=True) as (upstream, parts):
        unit = Unit(1, "m")
        assert parts.recovery.begin_probe(unit)
        asking = asyncio.create_task(ask(parts, asked, Turn(parts.snapshot.keys[1], unit)))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert upstream.heads == []
        assert parts.recovery.begin_probe(unit)
