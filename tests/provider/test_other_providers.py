"""What refusals of Anthropic, OpenAI, Azure, OpenRouter, Groq, llama.cpp and vLLM mean.

The bodies and headers in tests/data/other_providers.json are written after their documentation.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from proxyapp.provider.refusal import read_refusal
from proxyapp.provider.reset_headers import full_again
from tests.support.refusals import DATA, NOW, judged

CASES = json.loads((DATA / "other_providers.json").read_text())
EPOCH = int(NOW.timestamp())


def raw(headers):
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def verdict_on(case, **others):
    return judged(
        case["body"],
        case["http_status"],
        headers=raw(case["headers"]),
        path=case["path"].encode(),
        model="some-model",
        **others,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_refusal_of_another_provider_has_the_kind_of_its_meaning(case):
    verdict = verdict_on(case)

    assert verdict.kind == case["kind"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_it_takes_something_out_for_as_long_as_it_says(case):
    verdict = verdict_on(case)

    if case["seconds"] is not None:
        assert verdict.until == NOW + timedelta(seconds=case["seconds"])
    if case["kind"] in ("server", "request", "egress") and case["seconds"] is None:
        assert verdict.until is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_a_refusal_quotes_of_a_client_changes_nothing(case):
    text = 'sorry: "invalid api key", "insufficient_quota", "retry after 9 hours"'
    quoting = json.loads(json.dumps(case["body"]))
    if not isinstance(quoting["error"], dict):
        return
    quoting["error"]["message"] += f" (you sent {text})"

    assert verdict_on({**case, "body": quoting}).kind == case["kind"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"anthropic-ratelimit-tokens-remaining": "0"}, None),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-23T20:31:00Z"}, None),
        (
            {
                "anthropic-ratelimit-tokens-remaining": "1",
                "anthropic-ratelimit-tokens-reset": "2026-11-23T20:31:00Z",
            },
            None,
        ),
        (
            {
                "Anthropic-RateLimit-Output-Tokens-Remaining": "0",
                "Anthropic-RateLimit-Output-Tokens-Reset": "2026-11-23T22:30:10+02:00",
            },
            10,
        ),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}, 1),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2m59.56s"}, 179.56),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "88ms"}, 1),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "12"}, 12),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{EPOCH + 90}"}, 90),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{(EPOCH + 90) * 1000}"}, 90),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{EPOCH - 90}"}, 1),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "50"}, 50),
        (
            {"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "Mon, 23 Nov 2026 20:31:00 GMT"},
            60,
        ),
        (
            {
                "x-ratelimit-remaining-tokens-minute": "0",
                "x-ratelimit-reset-tokens-minute": "33.5",
                "x-ratelimit-remaining-requests-day": "9",
                "x-ratelimit-reset-requests-day": "33011.38",
            },
            33.5,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999999"}, 86400),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9999-12-31T23:59:59Z"}, 86400),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "0001-01-01T00:00:00Z"}, 1),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "nan"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 100}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "-5"}, None),
        ({"x-ratelimit-remaining": "", "x-ratelimit-reset": "5"}, None),
        ({"x-ratelimit-remaining": "many", "x-ratelimit-reset": "5"}, None),
        ({f"x-ratelimit-remaining-{'x' * 5000}": "0"}, None),
    ],
)
def test_only_a_limit_that_is_used_up_says_when_to_come_back(headers, seconds):
    told = full_again(raw(headers), NOW)

    assert told == (None if seconds is None else timedelta(seconds=seconds))


def test_of_several_that_are_used_up_the_last_to_be_full_counts():
    headers = [
        (b"x-ratelimit-remaining-requests", b"0"),
        (b"x-ratelimit-reset-requests", b"10s"),
        (b"x-ratelimit-remaining-tokens", b"0"),
        (b"x-ratelimit-reset-tokens", b"30s"),
    ]

    assert full_again(headers, NOW) == timedelta(seconds=30)
    assert full_again(headers[::-1], NOW) == timedelta(seconds=30)


def test_headers_of_a_server_error_say_nothing_of_a_limit():
    headers = [(b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", b"500")]

    assert judged(b"", 503, headers=headers).until is None


def test_the_headers_in_a_body_are_bounded_and_may_be_anything():
    many = {f"X-RateLimit-Remaining-{number}": 0 for number in range(10_000)}
    odd = {"X-RateLimit-Remaining": 0, "X-RateLimit-Reset": EPOCH + 9, "x": None, "y": [1]}

    for metadata in ({"headers": many}, {"headers": [1]}, {"headers": "x"}, [1], "x", 7):
        body = json.dumps({"error": {"code": 429, "message": "x", "metadata": metadata}}).encode()
        assert len(read_refusal(body).headers) <= 256
    text = json.dumps({"error": {"code": 429, "message": "x", "metadata": {"headers": odd}}})
    assert full_again(read_refusal(text.encode()).headers, NOW) == timedelta(seconds=9)


def test_a_day_of_googles_own_is_still_waited_for():
    """Its headers are no word on its quotas: a front may have added them."""
    body = (
        b'{"error": {"code": 429, "message": "Quota exceeded for metric:'
        b' generativelanguage.googleapis.com/x_per_day, limit: 20"}}'
    )
    headers = [(b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", b"5")]

    verdict = judged(body, 429, headers=headers)

    assert verdict.kind == "day"
    assert verdict.until == datetime(2026, 11, 24, 8, tzinfo=UTC)
