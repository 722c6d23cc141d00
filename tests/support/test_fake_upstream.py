"""The fake upstream is what the other tests stand on, so it is tested like everything else."""

import gzip
import hashlib
import json
import threading
from typing import Any

import httpx
import pytest

from tests.support.fake_gemini import MODELS, OUTPUT_TOKENS, PROMPT_TOKENS, TEXT, recorded_error
from tests.support.fake_quotas import Limits, Quotas
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded, body_of_bytes
from tests.support.raw_client import RawClient, exchange

NATIVE = "/v1beta/models/gemini-2.5-flash:generateContent"
OPENAI = "/v1beta/openai/chat/completions"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
INTERACTIONS = "/v1beta/interactions"
INTERACTION = {"model": "gemini-2.5-flash", "input": "Count to three."}
KEY = [("x-goog-api-key", "K")]
NATIVE_KEY = {"x-goog-api-key": "K"}
BEARER = {"Authorization": "Bearer K"}


def post(
    upstream: FakeUpstream, path: str, headers: dict[str, str], json: object = None
) -> httpx.Response:
    return httpx.post(
        upstream.url + path,
        headers=headers,
        json=json or {"model": "gemini-2.5-flash"},
        trust_env=False,
    )


def interaction_events(response: httpx.Response) -> list[Any]:
    return [
        json.loads(event.removeprefix("data: ")) for event in response.text.strip().split("\n\n")
    ]


def test_a_request_is_recorded_as_it_arrived(upstream: FakeUpstream) -> None:
    headers = [("X-Goog-API-key", "K"), ("x-two", "1"), ("X-TWO", " 2 ")]
    exchange(upstream.url, "PATCH", b"/echo/%2F\xff?a=&b", headers, b"body")
    recorded = upstream.last
    assert (recorded.method, recorded.target) == ("PATCH", b"/echo/%2F\xff?a=&b")
    assert recorded.headers[1:4] == [(b"X-Goog-API-key", b"K"), (b"x-two", b"1"), (b"X-TWO", b"2")]
    assert recorded.body == b"body"
    assert recorded.body_sha256 == hashlib.sha256(b"body").hexdigest()
    assert upstream.picked() == ["K"]


def test_a_chunked_request_is_read_whole(upstream: FakeUpstream) -> None:
    with RawClient(upstream.url) as client:
        client.send(
            b"POST /echo HTTP/1.1\r\nHost: h\r\nX-Goog-Api-Key: K\r\nTransfer-Encoding: chunked\r\n"
            b"\r\n"
        )
        client.send(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
        assert json.loads(client.read_response().body)["body_length"] == 5
    assert upstream.last.body == b"abcde"


def test_a_half_body_is_recorded_as_incomplete(upstream: FakeUpstream) -> None:
    with RawClient(upstream.url) as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
    assert not upstream.wait_for(1)[0].is_complete


@pytest.mark.parametrize(
    ("path", "headers", "status", "says"),
    [
        (NATIVE, {}, 403, "unregistered callers"),
        (NATIVE, {"Authorization": "Bearer K"}, 401, "Expected OAuth 2 access token"),
        (
            NATIVE,
            {"x-goog-api-key": "K", "Authorization": "Bearer K"},
            400,
            "Multiple authentication credentials",
        ),
        (NATIVE + "?key=K", {"x-goog-api-key": "K"}, 400, "Multiple authentication credentials"),
        (OPENAI, {}, 400, "Missing Authorization header."),
        (OPENAI, {"x-goog-api-key": "K"}, 400, "Missing Authorization header."),
        (OPENAI + "?key=K", {}, 400, "Missing or invalid Authorization header."),
        (
            OPENAI,
            {"x-goog-api-key": "K", "Authorization": "Bearer K"},
            400,
            "Multiple authentication credentials",
        ),
    ],
)
def test_wrong_credentials_are_refused_as_google_does(
    upstream: FakeUpstream, path: str, headers: dict[str, str], status: int, says: str
) -> None:
    response = post(upstream, path, headers)
    assert (response.status_code, says in response.text) == (status, True)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (NATIVE, {"x-goog-api-key": "K"}),
        (NATIVE + "?key=K", {}),
        (OPENAI, {"Authorization": "Bearer K"}),
    ],
)
def test_one_credential_in_its_place_is_taken(
    upstream: FakeUpstream, path: str, headers: dict[str, str]
) -> None:
    assert post(upstream, path, headers).status_code == 200
    assert upstream.picked() == ["K"]


def test_an_unknown_key_is_invalid() -> None:
    with FakeUpstream(keys={"GOOD"}) as upstream:
        assert post(upstream, NATIVE, {"x-goog-api-key": "GOOD"}).status_code == 200
        response = post(upstream, NATIVE, {"x-goog-api-key": "BAD"})
        assert response.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
        assert (
            post(upstream, OPENAI, {"Authorization": "Bearer BAD"}).json()[0]["error"]["code"]
            == 400
        )


def test_a_lenient_upstream_takes_several_credentials() -> None:
    with FakeUpstream(strict=False) as upstream:
        headers = {"x-goog-api-key": "K", "Authorization": "Bearer K"}
        assert post(upstream, NATIVE, headers).status_code == 200


def test_an_exhausted_key_is_refused_until_it_recovers(upstream: FakeUpstream) -> None:
    upstream.exhausted("K")
    native = post(upstream, NATIVE, {"x-goog-api-key": "K"})
    assert (native.status_code, native.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert post(upstream, OPENAI, {"Authorization": "Bearer K"}).json()[0]["error"]["code"] == 429
    upstream.recover("K")
    assert post(upstream, NATIVE, {"x-goog-api-key": "K"}).status_code == 200


def test_a_refusal_takes_any_recorded_body_and_status(upstream: FakeUpstream) -> None:
    upstream.exhausted("K", "404_model_not_found", status=404)
    response = post(upstream, NATIVE, {"x-goog-api-key": "K"})
    assert (response.status_code, response.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_a_refusal_can_be_for_one_model(upstream: FakeUpstream) -> None:
    upstream.refuse("K", body="429_free_rpm_10_msg_without_model", model="gemini-2.5-pro")
    assert post(upstream, NATIVE.replace("flash", "pro"), NATIVE_KEY).status_code == 429
    assert (
        post(upstream, OPENAI, BEARER, {"model": "models/gemini-2.5-pro"}).json()[0]["error"][
            "code"
        ]
        == 429
    )
    assert post(upstream, NATIVE, NATIVE_KEY).status_code == 200
    assert (
        post(upstream, NATIVE.replace("flash", "pro"), {"x-goog-api-key": "OTHER"}).status_code
        == 200
    )


def test_a_refusal_for_one_model_comes_before_that_of_the_key(upstream: FakeUpstream) -> None:
    upstream.refuse("K", status=403)
    upstream.refuse("K", status=404, model="gemini-2.5-flash")
    assert post(upstream, NATIVE, NATIVE_KEY).status_code == 404
    assert post(upstream, NATIVE.replace("flash", "pro"), NATIVE_KEY).status_code == 403


def test_refusals_with_a_count_are_used_up_before_the_lasting_one(upstream: FakeUpstream) -> None:
    upstream.refuse("K", status=429)
    upstream.refuse("K", status=503, times=2)
    upstream.refuse("K", status=500, times=1)
    assert [post(upstream, NATIVE, NATIVE_KEY).status_code for _ in range(5)] == [
        503,
        503,
        500,
        429,
        429,
    ]


def test_a_refusal_with_a_count_ends_by_itself(upstream: FakeUpstream) -> None:
    upstream.refuse("K", times=1)
    assert [post(upstream, NATIVE, NATIVE_KEY).status_code for _ in range(3)] == [429, 200, 200]


def test_a_lasting_refusal_takes_the_place_of_the_one_before(upstream: FakeUpstream) -> None:
    upstream.refuse("K", status=429)
    upstream.refuse("K", status=403)
    assert [post(upstream, NATIVE, NATIVE_KEY).status_code for _ in range(2)] == [403, 403]


def test_a_refusal_can_be_any_bytes_with_any_headers(upstream: FakeUpstream) -> None:
    upstream.refuse(
        "K", body=b"slow down", headers=[("Retry-After", "7"), ("Content-Type", "text/plain")]
    )
    response = exchange(upstream.url, "POST", OPENAI, [("Authorization", "Bearer K")], b"{}")
    assert (response.status, response.body) == (429, b"slow down")
    assert (response.values("retry-after"), response.values("content-type")) == (
        ["7"],
        ["text/plain"],
    )


def test_a_recorded_refusal_takes_more_headers(upstream: FakeUpstream) -> None:
    upstream.refuse("K", headers=[("Retry-After", "7")])
    response = post(upstream, NATIVE, NATIVE_KEY)
    assert (response.headers["retry-after"], response.json()["error"]["code"]) == ("7", 429)


def test_a_refusal_of_an_unknown_body_fails_at_once(upstream: FakeUpstream) -> None:
    with pytest.raises(FileNotFoundError):
        upstream.refuse("K", body="no_such_body")


def test_a_recovered_key_has_no_refusal_for_any_model(upstream: FakeUpstream) -> None:
    upstream.refuse("K")
    upstream.refuse("K", model="gemini-2.5-flash")
    upstream.recover("K")
    assert post(upstream, NATIVE, NATIVE_KEY).status_code == 200


def test_quotas_are_counted_by_the_clock_of_the_upstream(upstream: FakeUpstream) -> None:
    upstream.quotas = Quotas({"gemini-2.5-flash": Limits(1, 10)}, {"A": "P", "B": "P"})
    now = 1_790_000_000.0
    upstream.clock = lambda: now
    assert post(upstream, NATIVE, {"x-goog-api-key": "A"}).status_code == 200
    assert "Please retry in 1m0s." in post(upstream, NATIVE, {"x-goog-api-key": "B"}).text
    now += 60
    assert post(upstream, NATIVE, {"x-goog-api-key": "B"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers", "is_array"),
    [
        (NATIVE, NATIVE_KEY, False),
        (f"{STREAM}?alt=sse", NATIVE_KEY, False),
        (STREAM, NATIVE_KEY, True),
        (NATIVE.replace("generate", "embed"), NATIVE_KEY, False),
        (OPENAI, BEARER, True),
        ("/v1beta/openai/embeddings", BEARER, True),
    ],
)
def test_a_quota_is_refused_in_the_form_of_the_path(
    upstream: FakeUpstream, path: str, headers: dict[str, str], is_array: bool
) -> None:
    upstream.quotas = Quotas({"gemini-2.5-flash": Limits(0, 0)}, {})
    body = post(upstream, path, headers, {"model": "models/gemini-2.5-flash"}).json()
    assert isinstance(body, list) == is_array
    assert (
        "limit: 0, model: gemini-2.5-flash" in (body[0] if is_array else body)["error"]["message"]
    )


def test_counting_tokens_and_listing_models_cost_no_quota(upstream: FakeUpstream) -> None:
    upstream.quotas = Quotas({"gemini-2.5-flash": Limits(1, 1)}, {})
    post(upstream, NATIVE.replace("generateContent", "countTokens"), NATIVE_KEY)
    for path in ("/v1beta/models", "/v1beta/models/gemini-2.5-flash"):
        exchange(upstream.url, "GET", path, KEY)
    assert not upstream.quotas.answered


def test_neither_bad_credentials_nor_an_ordered_refusal_cost_quota(upstream: FakeUpstream) -> None:
    upstream.quotas = Quotas({"gemini-2.5-flash": Limits(1, 1)}, {})
    upstream.refuse("K", times=1)
    post(upstream, NATIVE, {})
    post(upstream, NATIVE, NATIVE_KEY)
    assert not upstream.quotas.answered


def test_a_broken_stream_ends_in_a_bare_error(upstream: FakeUpstream) -> None:
    upstream.break_streams("K", "midstream_503_raw_tail")
    response = post(upstream, f"{STREAM}?alt=sse", NATIVE_KEY)
    *events, tail = response.text.split("\r\n\r\n")
    assert (response.status_code, len(events), "STOP" in response.text) == (200, 2, False)
    assert tail.startswith('{\n  "error": {')
    assert json.loads(tail) == recorded_error("midstream_503_raw_tail")


def test_a_broken_array_has_the_error_for_its_last_element(upstream: FakeUpstream) -> None:
    upstream.break_streams("K", "midstream_503_raw_tail")
    assert ["error" in part for part in post(upstream, STREAM, NATIVE_KEY).json()] == [
        False,
        False,
        True,
    ]


def test_a_broken_stream_of_an_interaction_ends_in_an_error_event(upstream: FakeUpstream) -> None:
    upstream.break_streams("K", "midstream_503_raw_tail", form="event")
    events = interaction_events(
        post(upstream, INTERACTIONS, NATIVE_KEY, {**INTERACTION, "stream": True})
    )
    assert events[0]["event_type"] == "interaction.created"
    assert events[-1] == {"event_type": "error", **recorded_error("midstream_503_raw_tail")}


def test_only_streams_of_that_key_are_broken_until_it_recovers(upstream: FakeUpstream) -> None:
    upstream.break_streams("K", "midstream_503_raw_tail")
    assert post(upstream, NATIVE, NATIVE_KEY).json()["candidates"]
    assert "error" not in post(upstream, f"{STREAM}?alt=sse", {"x-goog-api-key": "OTHER"}).text
    upstream.recover("K")
    assert "error" not in post(upstream, f"{STREAM}?alt=sse", NATIVE_KEY).text


def test_a_reset_forgets_refusals_quotas_and_broken_streams(upstream: FakeUpstream) -> None:
    upstream.quotas = Quotas({"gemini-2.5-flash": Limits(0, 0)}, {})
    upstream.refuse("K")
    upstream.break_streams("K", "midstream_503_raw_tail")
    upstream.reset()
    assert post(upstream, STREAM, NATIVE_KEY).json()[-1]["candidates"][0]["finishReason"] == "STOP"


def test_an_interaction_is_answered(upstream: FakeUpstream) -> None:
    answer = post(upstream, INTERACTIONS, NATIVE_KEY, INTERACTION).json()
    assert (answer["status"], answer["steps"][0]["content"][0]["text"]) == ("completed", TEXT)
    assert answer["usage"]["total_output_tokens"] == OUTPUT_TOKENS


def test_an_interaction_is_streamed(upstream: FakeUpstream) -> None:
    events = interaction_events(
        post(upstream, INTERACTIONS, NATIVE_KEY, {**INTERACTION, "stream": True})
    )
    assert [events[0]["event_type"], events[-1]["event_type"]] == [
        "interaction.created",
        "interaction.completed",
    ]
    assert (
        "".join(event["delta"]["text"] for event in events if event["event_type"] == "step.delta")
        == TEXT
    )


def test_an_interaction_is_refused_in_its_own_form(upstream: FakeUpstream) -> None:
    upstream.quotas = Quotas({"gemini-2.5-flash": Limits(10, 1)}, {})
    assert post(upstream, INTERACTIONS, NATIVE_KEY, INTERACTION).status_code == 200
    refused = post(upstream, INTERACTIONS, NATIVE_KEY, INTERACTION)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
    upstream.refuse("K")
    assert (
        post(upstream, INTERACTIONS, NATIVE_KEY, INTERACTION).json()["error"]["code"]
        == "too_many_requests"
    )


def test_the_list_of_models_comes_in_pages(upstream: FakeUpstream) -> None:
    first = json.loads(exchange(upstream.url, "GET", "/v1beta/models?pageSize=2", KEY).body)
    second = json.loads(
        exchange(
            upstream.url,
            "GET",
            f"/v1beta/models?pageSize=2&pageToken={first['nextPageToken']}",
            KEY,
        ).body
    )
    assert [len(first["models"]), len(second["models"]), "nextPageToken" in second] == [2, 1, False]


def test_the_list_of_models_is_whole_without_a_page_size(upstream: FakeUpstream) -> None:
    listed = json.loads(exchange(upstream.url, "GET", "/v1beta/models", KEY).body)
    assert [model["name"].removeprefix("models/") for model in listed.pop("models")] == MODELS
    assert not listed


def test_answers_carry_text_and_tokens(upstream: FakeUpstream) -> None:
    native = post(upstream, NATIVE, {"x-goog-api-key": "K"}).json()
    assert native["candidates"][0]["content"]["parts"][0]["text"] == TEXT
    assert native["usageMetadata"]["candidatesTokenCount"] == OUTPUT_TOKENS
    openai = post(upstream, OPENAI, {"Authorization": "Bearer K"}).json()
    assert openai["choices"][0]["message"]["content"] == TEXT
    assert openai["usage"]["prompt_tokens"] == PROMPT_TOKENS


def test_a_stream_is_sse_or_an_array(upstream: FakeUpstream) -> None:
    path = NATIVE.replace("generateContent", "streamGenerateContent")
    events = (
        post(upstream, f"{path}?alt=sse", {"x-goog-api-key": "K"}).text.strip().split("\r\n\r\n")
    )
    assert [
        json.loads(event.removeprefix("data: "))["usageMetadata"]["promptTokenCount"]
        for event in events
    ] == [7] * 3
    assert len(post(upstream, path, {"x-goog-api-key": "K"}).json()) == 3


def test_a_gzip_path_is_compressed_for_those_who_accept_it(upstream: FakeUpstream) -> None:
    packed = exchange(upstream.url, "GET", "/gzip/echo", [*KEY, ("Accept-Encoding", "gzip")])
    assert packed.values("content-encoding") == ["gzip"]
    assert json.loads(gzip.decompress(packed.body))["target"] == "/gzip/echo"
    assert exchange(upstream.url, "GET", "/gzip/echo", KEY).values("content-encoding") == []


@pytest.mark.parametrize("kind", ["bytes", "chunked"])
def test_bytes_are_as_many_as_asked_for(upstream: FakeUpstream, kind: str) -> None:
    response = exchange(upstream.url, "GET", f"/{kind}/123456", KEY)
    assert (response.is_complete, response.body) == (True, body_of_bytes(123456))


def test_head_and_204_have_no_body(upstream: FakeUpstream) -> None:
    with RawClient(upstream.url) as client:
        assert client.request("HEAD", "/bytes/10", KEY).values("content-length") == ["10"]
        assert client.request("GET", "/status/204", KEY).status == 204
        assert client.request("GET", "/bytes/3", KEY).body == body_of_bytes(3)


def test_a_held_stream_goes_on_when_the_test_says_so(upstream: FakeUpstream) -> None:
    stream = upstream.held_stream("/v1beta/held")
    with RawClient(upstream.url) as client:
        client.send(b"GET /v1beta/held HTTP/1.1\r\nHost: h\r\nx-goog-api-key: K\r\n\r\n")
        assert stream.started.wait(5)
        stream.send_event(1)
        stream.finish()
        response = client.read_response()
    assert response.is_complete
    assert b"event 1" in response.body


def test_a_held_stream_dies_and_its_answer_is_broken(upstream: FakeUpstream) -> None:
    stream = upstream.held_stream("/v1beta/held", content_length=100)
    stream.send(b"part")
    stream.die()
    assert not exchange(upstream.url, "GET", "/v1beta/held", KEY).is_complete


def test_a_held_stream_sees_its_client_leave(upstream: FakeUpstream) -> None:
    stream = upstream.held_stream("/v1beta/held")
    client = RawClient(upstream.url)
    client.send(b"GET /v1beta/held HTTP/1.1\r\nHost: h\r\nx-goog-api-key: K\r\n\r\n")
    assert stream.started.wait(5)
    assert upstream.connections_open == 1
    assert not stream.client_gone.is_set()
    client.close()
    assert stream.client_gone.wait(5)
    upstream.wait_for_connections(0)


def test_a_handler_scripts_raw_bytes(upstream: FakeUpstream) -> None:
    async def early_hints(request: Recorded, connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await connection.answer(200, request.method.encode())

    upstream.on("/raw", early_hints)
    response = exchange(upstream.url, "GET", "/raw/any")
    assert (response.informational, response.status, response.body) == ([103], 200, b"GET")


def test_a_failing_handler_fails_the_test() -> None:
    done = threading.Event()

    async def failing(request: Recorded, connection: Connection) -> None:
        done.set()
        raise LookupError("in the handler")

    def run() -> None:
        with FakeUpstream() as upstream:
            upstream.on("/raw", failing)
            with RawClient(upstream.url) as client:
                client.send(b"GET /raw HTTP/1.1\r\nHost: h\r\n\r\n")
                client.read_to_the_end()

    with pytest.raises(AssertionError, match="the fake upstream failed"):
        run()
    assert done.is_set()
