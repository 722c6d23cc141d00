"""What a refusal means, whatever its form. The bodies in tests/data were sent by providers."""

import gzip
import json
import zlib
from datetime import timedelta

import pytest

from proxyapp.provider.kind_sets import DAY_KINDS
from proxyapp.provider.kind_spec import Retry, Scope
from proxyapp.provider.kinds import Kind
from proxyapp.provider.verdict import effective_status
from tests.support.refusals import (
    DAILY_RESET,
    DATA,
    KEY,
    MANIFEST,
    MIDNIGHT,
    MODEL,
    expected,
    facts,
    google,
    judged,
    kind,
    kind_of,
    recorded,
)

# The recorded bodies.

CASES = [pytest.param(row, id=row["name"]) for row in MANIFEST]


@pytest.mark.parametrize("is_key_in_place", [True, False])
@pytest.mark.parametrize("row", CASES)
def test_a_recorded_body_has_the_kind_of_its_meaning(row, is_key_in_place):
    body = recorded(row["name"])

    assert kind_of(row, body, is_key_in_place=is_key_in_place) == expected(
        row, is_key_in_place=is_key_in_place
    )


def in_array(body):
    value = json.loads(body)
    return json.dumps(value if isinstance(value, list) else [value]).encode()


def unwrapped(body):
    value = json.loads(body)
    return json.dumps(value[0] if isinstance(value, list) else value).encode()


FORMS = {
    "in an array": in_array,
    "as the last element of a stream in an array": lambda body: (
        b'[{"candidates": []},' + unwrapped(body) + b"]"
    ),
    "without its array": unwrapped,
    "as an event": lambda body: b"data: " + unwrapped(body) + b"\n\n",
    "after the events of a stream": lambda body: b'data: {"candidates": []}\n\n' + unwrapped(body),
    "after named events": lambda body: (
        b"event: x\r\ndata: {}\r\n\r\nevent: error\r\ndata: " + unwrapped(body) + b"\r\n\r\n"
    ),
    "without white space": lambda body: json.dumps(
        json.loads(body), separators=(",", ":")
    ).encode(),
    "with tabs and line ends": lambda body: (
        json.dumps(json.loads(body), indent="\t").replace("\n", "\r\n").encode()
    ),
    "compressed": gzip.compress,
    "with a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "with escapes": lambda body: (
        body.replace(b"a", b"a").replace(b" key", b"\\u0020key").replace(b"/", b"\\/")
    ),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("row", CASES)
def test_the_form_around_an_error_changes_nothing(row, form):
    assert kind_of(row, form(recorded(row["name"]))) == expected(row)


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        (b"gzip", gzip.compress),
        (b"deflate", zlib.compress),
        (b"deflate", lambda body: zlib.compress(body, wbits=-15)),
        (b"gzip", lambda body: gzip.compress(body)[:-12]),
        (b"gzip", lambda body: body),
        (b"deflate", lambda body: body),
    ],
)
def test_a_compressed_body_is_read_also_when_it_is_cut_or_was_inflated_already(encoding, compress):
    body = compress(recorded("429_free_rpd_20_short_delay"))

    assert kind(body, headers=[(b"Content-Encoding", encoding)]) is Kind.DAY


def test_a_whole_stream_ends_in_its_error():
    stream = (DATA / "midstream_503_raw_tail.sse.txt").read_bytes()

    assert kind(stream, 200) is Kind.SERVER
    assert effective_status(200, stream) == 503


def test_a_recorded_day_quota_names_everything():
    verdict = judged(recorded("429_free_rpd_20_short_delay"))

    assert facts(verdict) == (Kind.DAY, Scope.PROJECT, MODEL, MIDNIGHT, Retry.NEXT_KEY)
    assert (verdict.quota_id, verdict.limit) == (
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        "20",
    )
    assert verdict.stated_delay == timedelta(seconds=51, microseconds=606482)
    assert verdict.message.startswith("You exceeded your current quota")


# Policies, and what is no refusal.


def test_the_daily_policy_takes_the_key_out_at_any_429():
    verdict = judged(recorded("500_internal"), policy="daily")

    assert facts(verdict) == (Kind.DAILY, Scope.KEY, "", DAILY_RESET, Retry.NEXT_KEY)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 402, 503])
def test_the_daily_policy_says_nothing_of_other_answers(status):
    assert judged(recorded("400_api_key_invalid"), status, policy="daily") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"candidates": [{"content": {"parts": [{"text": "{\\"error\\": {\\"code\\": 429}}"}]}}]}',
        b'{"id": "resp_1", "status": "completed", "error": null}',
        (
            b'{"id": "resp_1", "status": "failed", "error": {"code": "rate_limit_exceeded", '
            b'"message": "x"}}'
        ),
        (
            b'{"name": "operations/1", "done": true, "error": {"code": 8, '
            b'"message": "Resource has been exhausted"}}'
        ),
        b'{"name": "files/1", "state": "FAILED", "error": {"code": 3, "message": "x"}}',
        b'{"candidates": [], "error": "no"}',
        b"error",
        b"<html>error</html>",
        b'data: {"candidates": [{"error": {}}]}\n\ndata: [DONE]\n\n',
    ],
)
def test_a_success_is_none_whatever_it_tells_about_errors(body):
    assert judged(body, 200) is None
    assert effective_status(200, body) == 200


def test_every_refusal_has_a_verdict_and_names_where_it_leads():
    assert facts(judged(b"", 400)) == (Kind.REQUEST, Scope.KEY, MODEL, None, Retry.RELAY)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"code": 503, "message": "x"}}, 503),
        ({"error": {"code": "429", "message": "x"}}, 429),
        ({"error": {"code": 8, "message": "x"}}, 429),
        ({"error": {"code": "rate_limit_exceeded", "message": "x"}}, 429),
        ({"event_type": "error", "error": {"code": "too_many_requests"}}, 429),
        ({"error": {"message": "x", "status": "UNAVAILABLE"}}, 503),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529),
        ([{"candidates": []}, {"error": {"code": 500, "message": "x"}}], 500),
        ({"id": "1", "choices": [], "error": {"code": 502, "message": "x"}}, 502),
        ([{"error": {"code": 500, "message": "x"}}, {"error": {"code": 503, "message": "x"}}], 503),
        ({"error": {"code": "never_heard_of", "message": "x"}}, 200),
        ({"error": {"code": 200, "message": "x"}}, 200),
        ({"error": {"code": True}}, 200),
    ],
)
def test_an_error_in_a_success_stands_for_the_status_that_it_names(body, status):
    assert effective_status(200, json.dumps(body).encode()) == status


def test_the_status_of_an_answer_that_is_no_success_stays_its_own():
    assert effective_status(400, recorded("429_help_only")) == 400


@pytest.mark.parametrize(
    ("message", "expected_kind"),
    [("Rate limit exceeded.", Kind.UNKNOWN_LIMIT), ("Something broke.", Kind.SERVER)],
)
def test_an_error_in_a_success_that_names_no_status_is_quota_if_it_says_so_and_else_the_servers(
    message, expected_kind
):
    assert kind({"event_type": "error", "error": {"message": message}}, 200) is expected_kind


# The server's, and the client's own.


@pytest.mark.parametrize("status", [408, 499, 500, 502, 503, 504, 529])
@pytest.mark.parametrize(
    "body", [b"", recorded("429_free_rpd_20_short_delay"), recorded("400_api_key_invalid")]
)
def test_a_server_error_never_concerns_the_key(status, body):
    assert facts(judged(body, status)) == (Kind.SERVER, Scope.KEY, MODEL, None, Retry.BACK_OFF)


@pytest.mark.parametrize("name", ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "CANCELLED"])
def test_a_server_error_under_another_status_is_one_still(name):
    assert kind(google("x", 400, name), 400) is Kind.SERVER


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            400,
            (
                "The input token count (1200000) exceeds the maximum number of tokens allowed "
                "(1048576)."
            ),
        ),
        (400, "* GenerateContentRequest.contents: contents is not specified"),
        (400, "Precondition check failed."),
        (
            404,
            (
                "models/x is not found for API version v1beta, or is not supported for "
                "generateContent."
            ),
        ),
        (
            404,
            (
                "This model models/x is no longer available. Please update your code to use a "
                "newer model."
            ),
        ),
        (404, "models/x is no longer available to new users is not found for API version v1beta."),
        (404, "The model `x` does not exist or you do not have access to it."),
        (404, "models/batch is not found for API version v1beta."),
        (404, "Requested entity was not found."),
        (400, "Request was blocked for safety."),
        (405, ""),
        (409, ""),
        (413, "Request payload size exceeds the limit: 20971520 bytes."),
        (403, "Some policy says no."),
    ],
)
def test_everything_else_is_about_the_request(status, message):
    verdict = judged(google(message, status, "INVALID_ARGUMENT"), status)

    assert facts(verdict) == (Kind.REQUEST, Scope.KEY, MODEL, None, Retry.RELAY)


# What is stored.


def test_a_long_message_is_cut_between_words():
    verdict = judged(google("word " * 100, 400), 400)

    assert len(verdict.message) <= 300
    assert verdict.message == ("word " * 60).strip()


def test_a_message_without_words_is_cut_all_the_same():
    assert judged(google("x" * 400, 400), 400).message == "x" * 300


def test_a_message_shows_nothing_like_a_key():
    message = judged(
        google(f"Permission denied: Consumer 'api_key:{KEY}' has been suspended.", 403), 403
    ).message

    assert KEY[5:-5] not in message
    assert message.endswith("has been suspended.")


def test_the_kinds_that_last_until_a_reset_are_those_that_a_day_mends():
    assert {
        Kind.DAILY,
        Kind.DAY,
        Kind.NO_QUOTA,
        Kind.BILLING,
        Kind.MODEL_BILLING,
        Kind.MODEL_FOR_KEY,
    } == DAY_KINDS
