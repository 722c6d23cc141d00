"""What becomes of Google's errors for clients of OpenAI's form."""

import json
from typing import Any

import pytest

from proxyapp.provider.openai_errors import MOST_VALUES, in_openais_form
from tests.support.refusals import DATA, google, recorded

WRAPPED = sorted(
    path.stem
    for path in DATA.glob("[a-z0-9]*.json")
    if path.read_text().replace(" ", "").replace("\n", "").startswith('[{"error":')
)


def shaped(body: object, status: int = 400) -> Any:
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    text = in_openais_form(given, status)
    return None if text is None else json.loads(text)


@pytest.mark.parametrize("name", WRAPPED)
def test_a_recorded_error_loses_its_array_and_nothing_else(name: str) -> None:
    told = json.loads(recorded(name))[0]["error"]

    error = shaped(recorded(name), told["code"])["error"]

    assert {key: error[key] for key in told if key != "code"} == {
        key: value for key, value in told.items() if key != "code"
    }
    assert error["type"].endswith("_error")
    assert isinstance(error["code"], str)
    assert error["param"] is None


@pytest.mark.parametrize(
    ("status", "word", "text", "kind", "code"),
    [
        (400, "INVALID_ARGUMENT", "No.", "invalid_request_error", "invalid_argument"),
        (401, "UNAUTHENTICATED", "No.", "authentication_error", "invalid_api_key"),
        (403, "PERMISSION_DENIED", "No.", "invalid_request_error", "permission_denied"),
        (404, "NOT_FOUND", "models/x is not found", "invalid_request_error", "model_not_found"),
        (404, "NOT_FOUND", "No.", "invalid_request_error", "not_found"),
        (429, "RESOURCE_EXHAUSTED", "No.", "rate_limit_error", "rate_limit_exceeded"),
        (503, "UNAVAILABLE", "No.", "server_error", "unavailable"),
    ],
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_type_and_code_are_openais(
    status: int, word: str, text: str, kind: str, code: str, *, is_wrapped: bool
) -> None:
    told = google(text, status, word)

    found = shaped([told] if is_wrapped else told, status)

    assert found == {
        "error": {"code": code, "message": text, "status": word, "type": kind, "param": None}
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b'[{"error": {"code": 400',
        b"[" * 100_000,
        [["error"]],
        [{"candidates": []}],
        {"error": "text"},
        {"error": {"code": 402, "message": "Of another provider."}},
        {"error": {"message": "m", "type": "invalid_request_error", "status": "NOT_FOUND"}},
        {"error": {"message": "m", "status": "made up"}},
        {"object": "error", "message": "m", "code": 404},
        b'[{"error": {"message": "No number of JSON.", "details": 1e999}}]',
    ],
)
def test_what_is_no_error_of_googles_stays_as_it_is(body: object) -> None:
    assert shaped(body) is None


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("text", "text"),
        ({"message": {"a": 1}}, '{"a": 1}'),
        ({"status": "NOT_FOUND"}, "NOT_FOUND"),
        ({"code": 404}, "The upstream answered with status 404."),
    ],
)
def test_there_is_always_a_text_to_show(error: object, message: str) -> None:
    assert shaped([{"error": error}], 404)["error"]["message"] == message


def test_a_form_that_is_openais_in_an_array_keeps_its_words() -> None:
    told = {"message": "m", "type": "tokens", "param": "p", "code": "too_long"}

    assert shaped([{"error": told}]) == {"error": told}


def test_what_else_the_array_has_stands_beside() -> None:
    first, second = google("One."), google("Two.")

    found = shaped([{"id": 1}, first, second], 429)

    assert found["error"]["message"] == "One."
    assert found["others"] == [{"id": 1}, second]


def test_an_error_without_a_wrapping_is_wrapped() -> None:
    for body in (google("No.")["error"], [google("No.")["error"]]):
        assert shaped(body, 429)["error"]["message"] == "No."


def test_odd_bytes_are_read_as_far_as_they_go() -> None:
    body = b'\xef\xbb\xbf[{"error": {"code": 400, "message": "tab\t \xff \\ud83d"}}]'

    text = in_openais_form(body, 400)

    assert text is not None
    assert json.loads(text)["error"]["message"] == "tab\t \ufffd ?"


@pytest.mark.parametrize("value", ["[]", "{}", "1"])
def test_what_takes_long_to_read_stays_as_it_is(value: str) -> None:
    def with_details(count: int) -> bytes:
        details = ",".join([value] * count)
        return f'[{{"error": {{"message": "No.", "details": [{details}]}}}}]'.encode()

    assert shaped(with_details(MOST_VALUES)) is None
    assert len(shaped(with_details(MOST_VALUES // 3))["error"]["details"]) == MOST_VALUES // 3
    assert shaped([{"error": {"message": "x" * 1_000_000}}])["error"]["code"] is None
