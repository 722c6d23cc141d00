"""Each request of a client has an id, and one record of what became of it."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import gear_answers as answers
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.quota_gateway import CHAT, native
from tests.support.raw_client import RawClient, RawResponse, exchange, request_bytes
from tests.support.telling_gateway import PROGRAM, told_in
from tests.support.waiting import wait_for

SERVERS = ["daphne", "uvicorn"]
ASKED = b'{"contents": [], "model": "gemini-2.5-flash", "messages": []}'
CUT = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nsome"


@pytest.fixture(scope="module", params=SERVERS)
def telling(
    request: pytest.FixtureRequest, shared_upstream: FakeUpstream
) -> Iterator[tuple[Gateway, dict[str, str]]]:
    keys = [{"key": "KEY-A", "name": "first", "project": "one"}, {"key": "KEY-B", "name": "other"}]
    fields = {"auth": "google", "rate_limit_policy": "quota_aware"}
    config = {"groups": [group(keys, shared_upstream.url, **fields)]}
    with Gateway(config, server=request.param, program=PROGRAM) as gateway:
        terms: dict[str, dict[str, Any]] = {"plain": {}, "limited": {"requests_per_day": 1}}
        tokens = make_tokens(gateway, terms)
        nobody = [("x-goog-api-key", "nobody")]
        wait_for(lambda: exchange(gateway.url, "GET", "/v1beta/x", nobody).status == 401)
        yield gateway, tokens


class Asking:
    """`ask` gives the answer and the request's one record."""

    def __init__(self, gateway: Gateway, tokens: dict[str, str]) -> None:
        self.gateway = gateway
        self.tokens = tokens

    def record_of(self, request_id: str) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [each for each in told_in(self.gateway.output()) if each["id"] == request_id]

        wait_for(lambda: bool(found()))
        (record,) = found()
        return record

    def ask(
        self, path: str, body: bytes = ASKED, token: str = "plain", method: str = "POST"
    ) -> tuple[RawResponse, dict[str, Any]]:
        headers = [("x-goog-api-key", self.tokens.get(token, token))]
        answer = exchange(self.gateway.url, method, path, headers, body)
        return answer, self.record_of(id_of(answer))


def id_of(answer: RawResponse) -> str:
    (found,) = answer.values("x-request-id")
    return found


@pytest.fixture
def asking(telling: tuple[Gateway, dict[str, str]], google: FakeUpstream) -> Asking:
    return Asking(*telling)


def test_a_good_one(asking: Asking, google: FakeUpstream) -> None:
    answer, record = asking.ask(native())
    assert answer.status == 200
    assert uuid.UUID(record["id"]).version == 7
    (attempt,) = record["attempts"]
    assert record["outcome"] == "ok"
    assert (record["status"], record["endpoint"], record["model"]) == (
        200,
        "generate",
        "gemini-2.5-flash",
    )
    assert record["client_id"] > 0
    assert record["address"] == "127.0.0.1"
    assert (record["bytes_in"], record["bytes_out"]) == (len(ASKED), len(answer.body))
    assert 0 < record["first_byte_seconds"] <= record["seconds"] < 60
    assert (attempt["verdict"], attempt["status"]) == ("succeeded", 200)
    assert attempt["key_name"] in ("first", "other")
    assert 0 <= attempt["began_after"] <= attempt["began_after"] + attempt["seconds"]
    assert record["llm_tokens"][0] > 0
    assert record["group"] == attempt["group"]
    assert google.last.values("x-request-id") == []


def test_the_clients_id_and_trace_are_its_own_and_the_upstreams_id_is_not_passed_on(
    asking: Asking, google: FakeUpstream
) -> None:
    google.on("/v1beta/whoami", answers.whole(200, b"{}", (("x-request-id", "theirs"),)))
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = [
        ("x-goog-api-key", asking.tokens["plain"]),
        ("X-Request-Id", "my-own.1"),
        ("traceparent", trace),
    ]
    answer = exchange(asking.gateway.url, "GET", "/v1beta/whoami", headers)
    assert id_of(answer) == "my-own.1"
    assert asking.record_of("my-own.1")["traceparent"] == trace
    assert google.last.values("x-request-id") == ["my-own.1"]
    assert google.last.values("traceparent") == [trace]


@pytest.mark.parametrize("hostile", ["x" * 10_000, 'a"b', "two words", "é", "<b>"])
def test_a_hostile_id_is_replaced(asking: Asking, hostile: str) -> None:
    headers = [("x-goog-api-key", "nobody"), ("x-request-id", hostile)]
    answer = exchange(asking.gateway.url, "POST", native(), headers, ASKED)
    assert uuid.UUID(id_of(answer)).version == 7


@pytest.mark.parametrize("path", [native(), CHAT, "/v1/messages"])
def test_who_is_not_let_in_has_an_id_in_the_error_too(asking: Asking, path: str) -> None:
    answer, record = asking.ask(path, token="nobody")
    assert answer.status == 401
    assert json.loads(answer.body)["request_id"] == record["id"]
    assert (record["outcome"], record["error"]) == ("client_error", "invalid_api_key")
    assert (record["status"], record["client_id"], record["attempts"]) == (401, 0, [])
    assert record["bytes_out"] == len(answer.body)


def test_an_unknown_group_and_a_path_of_nobody(asking: Asking) -> None:
    answer, record = asking.ask("/g/nowhere" + native())
    assert answer.status == 404
    assert (record["outcome"], record["error"], record["group"]) == (
        "client_error",
        "unknown_group",
        "nowhere",
    )
    answer, record = asking.ask("/v1/messages/")
    assert (answer.status, record["error"], record["endpoint"]) == (404, "unknown_path", "messages")


def test_a_limit_of_the_client(asking: Asking) -> None:
    asking.ask(native(), token="limited")
    answer, record = asking.ask(native(), token="limited")
    assert answer.status == 429
    assert (record["outcome"], record["error"]) == ("client_limit", "rate_limit_exceeded")


def test_a_refusal_and_then_an_answer(asking: Asking, google: FakeUpstream) -> None:
    model = "gemini-2.0-flash"
    google.exhausted("KEY-A", "429_free_rpd_25_short_delay")
    records = [asking.ask(native(model))[1] for _ in range(2)]
    tried = next(record for record in records if len(record["attempts"]) == 2)
    refused, good = tried["attempts"]
    assert (refused["key_name"], refused["project"]) == ("first", "one")
    assert (refused["verdict"], refused["status"]) == ("day", 429)
    assert (good["key_name"], good["verdict"]) == ("other", "succeeded")
    assert good["began_after"] > refused["began_after"]
    assert tried["outcome"] == "ok"


def test_no_key_is_left(asking: Asking, google: FakeUpstream) -> None:
    for key in ("KEY-A", "KEY-B"):
        google.exhausted(key, "429_free_rpd_25_short_delay")
    answer, record = asking.ask(native("gemini-2.5-pro"))
    assert answer.status == 429
    assert (record["outcome"], record["error"]) == ("no_key", "RESOURCE_EXHAUSTED")
    assert [each["verdict"] for each in record["attempts"]] == ["day", "day"]


def test_an_answer_that_breaks_off(asking: Asking, google: FakeUpstream) -> None:
    google.on("/v1beta/broken", answers.breaking_off(CUT, with_reset=False))
    headers = [("x-goog-api-key", asking.tokens["plain"]), ("x-request-id", "broken-1")]
    with RawClient(asking.gateway.url) as client:
        client.send(request_bytes("GET", "/v1beta/broken", headers))
        assert not client.read_response().is_complete
    record = asking.record_of("broken-1")
    assert (record["outcome"], record["status"]) == ("upstream", 200)


def test_a_client_that_leaves(asking: Asking, google: FakeUpstream) -> None:
    google.on("/v1beta/slow", answers.events(1000, 0.05))
    headers = [("x-goog-api-key", asking.tokens["plain"]), ("x-request-id", "left-1")]
    with RawClient(asking.gateway.url) as client:
        client.send(request_bytes("GET", "/v1beta/slow", headers))
        client.read_line()
    record = asking.record_of("left-1")
    assert (record["outcome"], record["status"]) == ("left", 200)
    assert record["attempts"][0]["verdict"] == "cancelled"


def test_what_the_server_itself_refuses_has_an_id(asking: Asking) -> None:
    with RawClient(asking.gateway.url) as client:
        client.send(b"GET /v1beta/models#there HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = client.read_response()
    assert answer.status == 400
    assert json.loads(answer.body)["request_id"] == id_of(answer)


def test_no_secret_is_in_what_is_told(asking: Asking) -> None:
    asking.ask(native())
    told = "\n".join(json.dumps(record) for record in told_in(asking.gateway.output()))
    for secret in ("KEY-A", "KEY-B", *asking.tokens.values()):
        assert secret not in told
