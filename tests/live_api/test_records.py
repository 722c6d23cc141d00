"""A Live session is one request with one record, told when it has ended."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.fake_live import LIVE, QUOTA_WORDS, FakeLive, Script
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.live_clients import begun, end_of, opened, with_token
from tests.support.telling_gateway import PROGRAM, told_in
from tests.support.waiting import wait_for

QUOTA = json.dumps({"error": {"code": 429, "message": QUOTA_WORDS}})


@pytest.fixture(params=["daphne", "uvicorn"])
def telling(request: pytest.FixtureRequest) -> Iterator[tuple[Gateway, FakeLive]]:
    with FakeLive() as live:
        groups = [group([{"key": "KEY-A", "name": "first"}], live.url, "main")]
        with Gateway({"groups": groups}, server=request.param, program=PROGRAM) as gateway:
            yield gateway, live


def options(request_id: str, token: str = "") -> dict[str, Any]:
    return {"additional_headers": {"x-request-id": request_id, "x-goog-api-key": token}}


def record_of(gateway: Gateway, request_id: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [each for each in told_in(gateway.output()) if each["id"] == request_id]

    wait_for(lambda: bool(found()))
    (record,) = found()
    return record


def test_of_a_session_that_its_client_ends(telling: tuple[Gateway, FakeLive]) -> None:
    gateway, _ = telling
    with begun(gateway, **options("mine")) as socket:
        socket.send('{"clientContent": {}}')
        socket.recv(15)
    record = record_of(gateway, "mine")
    (attempt,) = record["attempts"]
    assert (record["endpoint"], record["status"], record["outcome"]) == ("live", 101, "ok")
    assert record["model"] == "gemini-live-2.5-flash"
    assert (attempt["key_name"], attempt["status"]) == ("first", 101)
    assert attempt["verdict"] == "succeeded"
    assert record["bytes_in"] > 0 < record["bytes_out"]
    assert record["llm_tokens"][:2] == [5, 7]


def test_of_one_that_no_key_is_left_for(telling: tuple[Gateway, FakeLive]) -> None:
    gateway, live = telling
    live.scripts["KEY-A"] = Script(status=429, body=QUOTA)
    with opened(gateway, **options("spent")) as socket:
        socket.send('{"setup": {"model": "models/gemini-live-2.5-flash"}}')
        end_of(socket)
    record = record_of(gateway, "spent")
    assert (record["outcome"], record["status"]) == ("no_key", 429)
    assert record["attempts"][0]["status"] == 429


def test_of_one_that_is_not_let_in(telling: tuple[Gateway, FakeLive]) -> None:
    gateway, _ = telling
    make_tokens(gateway, {"any": {}})

    def refusal() -> InvalidStatus | None:
        try:
            opened(gateway, LIVE, **options("nobody")).close()
        except InvalidStatus as error:
            return error
        return None

    wait_for(lambda: refusal() is not None)
    refused = refusal()
    assert refused is not None
    assert refused.response.headers["x-request-id"] == "nobody"
    records = [each for each in told_in(gateway.output()) if each["error"]]
    assert {(each["outcome"], each["status"]) for each in records} == {("client_error", 401)}


def test_uvicorn_tells_its_id_when_it_accepts(telling: tuple[Gateway, FakeLive]) -> None:
    """Daphne has no word for headers there."""
    gateway, _ = telling
    with begun(gateway, **with_token("")) as socket:
        assert socket.response is not None
        told = socket.response.headers.get("x-request-id")
    assert told is None or len(told) == 36
