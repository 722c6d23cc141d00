"""Under OpenAI's paths Google's errors reach clients in the form that their SDKs show."""

import gzip
import json
from typing import Any

import openai
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.raw_client import RawResponse, exchange
from tests.support.refusals import google, recorded

KEY = "AIzaSy-a-key-that-leaks-0123456789"
CHAT = "/v1beta/openai/chat/completions"
NATIVE = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
REQUEST = b'{"model": "gemini-2.5-flash", "messages": []}'
LONG = "x" * 300_000


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway([KEY], server=request.param, rate_limit_policy="quota_aware", auth="google")


def answered(
    gateway: Gateway,
    upstream: FakeUpstream,
    body: bytes,
    *,
    path: str = CHAT,
    status: int = 400,
    headers: bytes = b"Content-Type: application/json; charset=UTF-8\r\n",
) -> RawResponse:
    async def answer(request: Recorded, connection: Connection) -> None:
        head = b"HTTP/1.1 %d No\r\n%bContent-Length: %d\r\n\r\n" % (status, headers, len(body))
        await connection.send(head + body)

    upstream.on(path, answer)
    found = exchange(gateway.url, "POST", path, [], REQUEST)
    upstream.reset()
    return found


def wrapped(message: str, code: int = 400, status: str = "INVALID_ARGUMENT") -> bytes:
    return json.dumps([google(message, code, status)], indent=2).encode()


def error_of(answer: RawResponse) -> Any:
    assert answer.is_complete
    assert answer.values("content-length") == [str(len(answer.body))]
    return json.loads(answer.body)["error"]


@pytest.mark.parametrize("path", [CHAT, f"/g/default{CHAT}"])
def test_an_error_is_unwrapped_and_masked(
    gateway: Gateway, upstream: FakeUpstream, path: str
) -> None:
    upstream.on(CHAT, _sends(wrapped(f"No: {KEY}.")))

    answer = exchange(gateway.url, "POST", path, [], REQUEST)

    assert answer.status == 400
    assert error_of(answer) == {
        "message": "No: AIza…6789.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_argument",
        "status": "INVALID_ARGUMENT",
    }


def _sends(body: bytes) -> Any:
    async def answer(request: Recorded, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    return answer


def test_a_packed_error_is_unwrapped(gateway: Gateway, upstream: FakeUpstream) -> None:
    head = b"Content-Encoding: gzip\r\nContent-Type: application/json\r\n"

    answer = answered(gateway, upstream, gzip.compress(wrapped("Packed.")), headers=head)

    assert error_of(answer)["message"] == "Packed."
    assert answer.values("content-encoding") == []
    assert answer.values("content-type") == ["application/json"]


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_long_error_is_unwrapped(
    gateway: Gateway, upstream: FakeUpstream, *, is_packed: bool
) -> None:
    body = wrapped(f"{KEY}{LONG}{KEY}")
    head = b"Content-Encoding: gzip\r\n" if is_packed else b""

    answer = answered(gateway, upstream, gzip.compress(body) if is_packed else body, headers=head)

    assert error_of(answer)["message"] == f"AIza…6789{LONG}AIza…6789"


def test_a_longer_one_passes_as_it_is(gateway: Gateway, upstream: FakeUpstream) -> None:
    body = wrapped(LONG * 5)

    answer = answered(gateway, upstream, body)

    assert (answer.status, answer.is_complete) == (400, True)
    assert answer.body == body


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": {"message": "m", "type": "t"}}'])
def test_other_errors_stay_as_they_are(
    gateway: Gateway, upstream: FakeUpstream, body: bytes
) -> None:
    assert answered(gateway, upstream, body).body == body


def test_native_paths_stay_byte_for_byte(gateway: Gateway, upstream: FakeUpstream) -> None:
    body = wrapped("As it is.")

    answer = answered(gateway, upstream, body, path=NATIVE)

    assert answer.body == body
    assert answer.values("content-type") == ["application/json; charset=UTF-8"]


def test_a_group_can_turn_it_off(make_gateway: MakeGateway, upstream: FakeUpstream) -> None:
    gateway = make_gateway([KEY], auth="google", unwrap_errors=False)
    body = wrapped("As it is.")

    assert answered(gateway, upstream, body).body == body


def test_a_first_event_that_is_an_error_is_unwrapped(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    head = b"Content-Type: text/event-stream\r\n"
    for event in (b"data: %b\n\n", b"event: error\ndata: %b\n\n"):
        text = event % json.dumps(json.loads(wrapped("Early."))).encode()

        answer = answered(gateway, upstream, text, status=200, headers=head)

        assert answer.status == 400
        assert error_of(answer)["message"] == "Early."
        assert error_of(answer)["type"] == "invalid_request_error"


def test_an_error_in_the_middle_of_a_stream_stays_an_event(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    text = b'data: {"choices": []}\n\ndata: ' + wrapped("Late.").replace(b"\n", b"") + b"\n\n"

    answer = answered(
        gateway, upstream, text, status=200, headers=b"Content-Type: text/event-stream\r\n"
    )

    assert (answer.status, answer.body) == (200, text)


def test_a_quota_is_read_before_the_error_is_unwrapped(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    """And `Retry-After` says that another key is there."""
    gateway = make_gateway(
        [KEY, "KEY-B"], rate_limit_policy="quota_aware", env={"MAX_ATTEMPTS": "1"}
    )
    body = recorded("openai_429_array_paid_rpd__shortened")

    answer = answered(gateway, upstream, body, status=429)

    assert (answer.status, answer.values("retry-after")) == (429, ["1"])
    assert error_of(answer)["type"] == "rate_limit_error"
    assert error_of(answer)["details"] == json.loads(body)[0]["error"]["details"]
    cooling = gateway.keys()[0]["cooldowns"]
    assert [cooldown["model"] for cooldown in cooling] == ["gemini-2.5-flash"]


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "INVALID_ARGUMENT", openai.BadRequestError),
        (404, "NOT_FOUND", openai.NotFoundError),
        (429, "RESOURCE_EXHAUSTED", openai.RateLimitError),
    ],
)
def test_openais_sdk_shows_the_text(
    gateway: Gateway,
    upstream: FakeUpstream,
    status: int,
    word: str,
    kind: type[openai.APIStatusError],
) -> None:
    """Also as fields, which it fills from an object only."""
    text = wrapped("The words of the provider.", status, word)

    async def answer(request: Recorded, connection: Connection) -> None:
        head = b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n" % (status, len(text))
        await connection.send(head + text)

    upstream.on(CHAT, answer)
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1beta/openai", api_key="any", max_retries=0) as sdk,
        pytest.raises(kind) as refused,
    ):
        sdk.chat.completions.create(model="gemini-2.5-flash", messages=[])

    assert "The words of the provider." in str(refused.value)
    assert str(refused.value.type).endswith("_error")
