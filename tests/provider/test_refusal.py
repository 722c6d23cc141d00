"""What is read of a refusal, in every shape and however much is left of it."""

import gzip
import json
import random

import pytest

from proxyapp.provider.kinds import Kind
from proxyapp.provider.verdict import effective_status
from tests.support.refusals import google, judged, kind, recorded


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "Rate limited: 5 requests per minute"}, "Rate limited: 5 requests per minute"),
        (
            {"error": "Too Many Requests", "message": "5 requests per minute"},
            "5 requests per minute",
        ),
        ({"message": "5 requests per minute"}, "5 requests per minute"),
        ({"detail": "5 requests per minute"}, "5 requests per minute"),
        ({"errors": [{"message": "5 requests per minute"}]}, "5 requests per minute"),
        ({"code": 8, "message": "5 requests per minute", "details": []}, "5 requests per minute"),
        ("5 requests per minute", "5 requests per minute"),
        (b"  5 requests per minute\n", "5 requests per minute"),
        (
            b"<html><head><title>429</title></head><p>5 requests per minute</p>",
            "429 5 requests per minute",
        ),
        (b'{"error": {"message": "5 requests per minute\xff"}}', "5 requests per minute\ufffd"),
        (
            b'{"error": {"message": "5 requests per minute \\ud800\\u0000"}}',
            "5 requests per minute ?",
        ),
    ],
)
def test_a_message_is_found_in_every_shape(body, message):
    verdict = judged(body)

    assert (verdict.kind, verdict.message) == (Kind.MINUTE, message)


def test_a_reason_counts_in_error_info_only():
    violated = {"@type": "type.googleapis.com/google.rpc.BadRequest", "reason": "API_KEY_INVALID"}

    assert kind(google("x", 400, "X", violated), 400) is Kind.REQUEST


@pytest.mark.parametrize(
    ("cut_at", "expected_kind"),
    [
        (b'"quotaId"', Kind.UNKNOWN_LIMIT),
        (b'PerProjectPerModel-FreeTier",', Kind.UNKNOWN_LIMIT),
        (b'"quotaDimensions"', Kind.DAY),
        (b"please check", Kind.UNKNOWN_LIMIT),
    ],
)
def test_of_a_body_that_is_cut_what_is_left_counts(cut_at, expected_kind):
    body = recorded("429_free_rpd_20_short_delay")

    assert kind(body[: body.index(cut_at)]) is expected_kind


def test_a_message_that_is_cut_still_tells_the_window():
    body = recorded("openai_429_array_paid_rpd__shortened")

    verdict = judged(body[: body.index(b", limit: 250")])

    assert (verdict.kind, verdict.limit) == (Kind.DAY, "")


def test_an_escape_that_is_cut_does_not_cost_the_message():
    assert judged(b'{"error": {"message": "5 requests per day\\u00').message == "5 requests per day"


def test_a_number_that_is_cut_is_no_number():
    assert effective_status(200, b'{"error": {"message": "x", "code": 4') == 200


def test_garbage_in_a_compressed_body_leaves_what_comes_before_it():
    noise = random.Random(1).randbytes(2000).hex()
    body = gzip.compress(
        json.dumps({"error": {"message": "5 requests per day", "noise": noise}}).encode()
    )

    assert judged(body[:600] + b"\xff" * 600).message == "5 requests per day"
