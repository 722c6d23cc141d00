"""What is read of a Live session's messages."""

import json

import pytest

from proxyapp.provider.live_messages import READ_BYTES, handle_in, setup_of, usage_in
from proxyapp.provider.llm_tokens import NONE, LlmTokens

USAGE = {
    "promptTokenCount": 30,
    "responseTokenCount": 12,
    "thoughtsTokenCount": 3,
    "cachedContentTokenCount": 10,
}


@pytest.mark.parametrize(
    ("message", "model"),
    [
        ({"setup": {"model": "models/gemini-live"}}, "gemini-live"),
        ({"setup": {"model": "gemini-live"}}, "gemini-live"),
        ({"interaction": {"model": "gemini-live"}}, "gemini-live"),
        ({"type": "session.update", "session": {"model": "gemini-live"}}, "gemini-live"),
        ({"model": "gemini-live"}, "gemini-live"),
        ({"setup": {"model": 7}}, ""),
        ({"setup": ["model"]}, ""),
        ({"clientContent": {"model": "x"}}, ""),
        ([{"setup": {"model": "x"}}], ""),
    ],
)
def test_the_model_of_a_setup(message: object, model: str):
    text = json.dumps(message)

    assert setup_of(text).model == model
    assert setup_of(text.encode()).model == model


@pytest.mark.parametrize(
    "message", ["", "{", b"\xff\xfe", "[" * 100_000, "null", '{"setup": null}']
)
def test_what_is_no_setup_names_nothing(message: str | bytes):
    assert setup_of(message) == setup_of("{}")


@pytest.mark.parametrize("name", ["sessionResumption", "session_resumption"])
def test_the_handle_that_a_setup_goes_on_from(name: str):
    assert setup_of(json.dumps({"setup": {name: {"handle": "h-1"}}})).handle == "h-1"
    assert setup_of(json.dumps({"setup": {name: {"handle": 1}}})).handle == ""


def test_the_handle_that_a_server_gives():
    update = json.dumps({"sessionResumptionUpdate": {"newHandle": "h-2", "resumable": True}})

    assert handle_in(update) == handle_in(update.encode()) == "h-2"
    assert handle_in('{"sessionResumptionUpdate": {"resumable": false}}') == ""
    assert handle_in('{"text": "sessionResumptionUpdate"}') == ""


def test_a_turns_usage():
    message = json.dumps({"serverContent": {"turnComplete": True}, "usageMetadata": USAGE})

    found = usage_in(message)

    assert found == LlmTokens(prompt=30, output=15, cached=10, thoughts=3)
    assert usage_in(message.encode()) == found


def test_a_long_message_is_not_read():
    message = json.dumps({"usageMetadata": USAGE, "text": "x" * READ_BYTES})

    assert usage_in(message) == NONE
    assert usage_in('{"text": "usageMetadata"}') == NONE
