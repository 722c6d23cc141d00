"""What a close before the first word means."""

import json

import pytest

from proxyapp.provider.live_closes import (
    error_of_close,
    may_tell_of_quota,
    says_quota,
    status_of_close,
)

QUOTA = (
    "You exceeded your current quota, please check your plan and billing details.",
    "you have exceeded your quota",
    "Resource has been exhausted (e.g. check quota).",
    "RESOURCE_EXHAUSTED: try again later",
    "429 RESOURCE_EXHAUSTED. You exceeded your current quota",
    "Quota exceeded for quota metric 'Bidi sessions' and limit 'Sessions per minute'",
    "Too many concurrent sessions",
    "Rate limit exceeded",
    "429 Too Many Requests",
    "HTTP 429",
    "ResourceExhausted: try again",
    "quota_exceeded",
    "Quota limit reached",
    "The daily limit has been reached",
)


@pytest.mark.parametrize("reason", QUOTA)
@pytest.mark.parametrize("code", [1008, 1011, 1013, 4000])
def test_words_of_a_quota_are_a_429(code: int, reason: str):
    assert status_of_close(code, reason) == 429
    assert says_quota(code, reason)


@pytest.mark.parametrize(
    "reason",
    [
        "models/quota exceeded is not found",
        "Invalid value 'You exceeded your current quota'",
        "The prompt says: resource has been exhausted",
        "Request contains an invalid argument.",
        "",
    ],
)
def test_words_elsewhere_are_the_clients_own(reason: str):
    assert status_of_close(1008, reason) is None
    assert status_of_close(1007, reason) is None


def test_words_that_the_client_has_written_prove_nothing():
    setup = json.dumps({"setup": {"model": "models/x", "text": "YOU EXCEEDED YOUR CURRENT QUOTA"}})

    assert status_of_close(1011, QUOTA[0], setup) == 500
    assert status_of_close(1007, "API key not valid", '{"text": "api key"}') is None


@pytest.mark.parametrize(
    ("code", "is_believed"),
    [(1007, False), (1008, False), (3000, False), (4429, False), (1011, True), (1013, True)],
)
def test_words_that_may_be_repeated_count_only_with_a_servers_own_trouble(
    code: int, *, is_believed: bool
):
    assert says_quota(code, QUOTA[0])
    assert says_quota(code, QUOTA[0], may_repeat=True) == is_believed


@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012, 1013, 1014, 1015])
def test_a_servers_own_trouble_may_be_no_other_keys(code: int):
    status = status_of_close(code, "Internal error encountered.")

    assert status is not None
    assert status >= 500


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 3000, 4999])
def test_other_closes_are_the_clients_to_read(code: int):
    assert status_of_close(code, "whatever") is None


@pytest.mark.parametrize(
    "reason", ["API key not valid. Please pass a valid API key.", "Your API key was reported"]
)
def test_words_of_the_key_are_a_refusal_of_it(reason: str):
    assert status_of_close(1007, reason) == 400
    assert json.loads(error_of_close(400, reason)) == {"error": {"code": 400, "message": reason}}


@pytest.mark.parametrize("reason", QUOTA)
def test_whoever_writes_such_words_is_known_to(reason: str):
    assert may_tell_of_quota(reason)
    assert may_tell_of_quota(reason.replace("o", "\\u006f").replace("e", "\\u0065"))


def test_what_most_clients_write_tells_of_no_quota():
    assert not may_tell_of_quota('{"realtimeInput": {"audio": {"data": "AAAA"}}}')
