"""What a client wrote costs that client, never a key: only the gateway's own probe condemns."""

import json
from collections import Counter

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_gemini import recorded_error
from tests.support.fake_http import Connection, Recorded, head_of
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.quota_gateway import CHAT, FLASH, ask, aware, native
from tests.support.waiting import wait_for

TEN = [f"KEY-{number}" for number in range(10)]
PROBE = b"/v1beta/models?pageSize=1"
both_servers = pytest.mark.parametrize("server", ["daphne", "uvicorn"])


def refusal(status: int, message: str, reason: str = "") -> bytes:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
    error = {"code": status, "message": message, "status": "X"}
    return json.dumps({"error": {**error, "details": [info] if reason else []}}).encode()


def answer(status: int, body: bytes, content_type: str = "application/json") -> bytes:
    fields = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    return head_of(status, fields) + body


def answer_below(upstream: FakeUpstream, path: str, status: int, body: bytes) -> None:
    async def refuse(request: Recorded, connection: Connection) -> None:
        await connection.send(answer(status, body))

    upstream.on(path, refuse)


def probes(upstream: FakeUpstream) -> Counter[str]:
    return Counter(r.key or "" for r in list(upstream.requests) if r.target == PROBE)


def all_keys_serve_a_plain_client(gateway: Gateway, upstream: FakeUpstream, keys=TEN) -> None:
    states = Counter(key["state"] for key in gateway.keys())
    upstream.requests.clear()
    answers = Counter(ask(gateway).status_code for _ in range(2 * len(keys)))
    served = {r.key for r in list(upstream.requests) if r.target == native().encode()}

    assert states == {"available": len(keys)}
    assert answers == {200: 2 * len(keys)}
    assert served == set(keys)


OF_THE_REQUEST = [
    (
        403,
        "Requests from referer https://evil.example are blocked.",
        "API_KEY_HTTP_REFERRER_BLOCKED",
    ),
    (
        403,
        "Requests from this Android client application x are blocked.",
        "API_KEY_ANDROID_APP_BLOCKED",
    ),
    (
        403,
        "Requests to this API g.googleapis.com method a.Predict are blocked.",
        "API_KEY_SERVICE_BLOCKED",
    ),
    (403, "Requests to this API g.googleapis.com method a.Predict are blocked.", ""),
    (400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
    (401, "Request had invalid authentication credentials.", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    (403, "Permission denied on resource project foreign.", "CONSUMER_INVALID"),
    (
        403,
        "Foreign API has not been used in project 1 before or it is disabled.",
        "SERVICE_DISABLED",
    ),
    (403, "Your API key was reported as leaked.", ""),
    (401, "API key expired", ""),
]


@both_servers
def test_what_is_refused_for_the_request_is_relayed_and_costs_no_key(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
):
    gateway = aware(make_gateway, TEN, server=server)

    for number, (status, message, reason) in enumerate(OF_THE_REQUEST):
        path = f"/v1beta/models/gemini-{number}:predict"
        answer_below(upstream, path, status, refusal(status, message, reason))
        for _ in range(3):
            told = ask(gateway, path)
            assert (told.status_code, told.json()["error"]["message"]) == (status, message)

    assert max(probes(upstream).values()) == 1, "an answer holds for 30 s"
    all_keys_serve_a_plain_client(gateway, upstream)


@pytest.mark.parametrize(
    "target",
    [
        f"{native()}?x=/openai/",
        "/v1beta/models/x/openai/y:generateContent",
        "/v1beta/%6Fpenai/chat/completions",
        "/v1beta%2Fopenai/chat/completions",
        f"{native()}?access%5Ftoken=ya29.x",
        f"{native()}?$userProject=foreign",
        "/v1beta/projects/foreign/locations/x/models/m:predict",
    ],
)
@both_servers
def test_no_target_moves_a_key(
    make_gateway: MakeGateway, upstream: FakeUpstream, target: str, server: str
):
    gateway = aware(make_gateway, TEN, server=server)

    for _ in range(3):
        ask(gateway, target)

    for request in upstream.requests:
        assert request.value("authorization") == ""
        assert request.value("x-goog-api-key") == request.key
    all_keys_serve_a_plain_client(gateway, upstream)


def test_a_token_in_disguise_and_a_foreign_project_cost_no_key(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    async def google(request: Recorded, connection: Connection) -> None:
        query = request.query
        if "oken=" in query:
            body = refusal(
                401,
                "Request had invalid authentication credentials.",
                "ACCESS_TOKEN_TYPE_UNSUPPORTED",
            )
            await connection.send(answer(401, body))
        elif "userProject" in query:
            body = refusal(403, "Project foreign has been deleted.", "CONSUMER_INVALID")
            await connection.send(answer(403, body))
        else:
            await connection.send(answer(200, b'{"candidates": [{"content": {}}]}'))

    upstream.on(native(), google)
    gateway = aware(make_gateway, TEN)

    for query, status in {
        "?access%5Ftoken=x": 401,
        "?oauth%5ftoken=x": 401,
        "?access_token=x": 401,
        "?$userProject=foreign": 403,
        "?%24userProject=foreign": 403,
    }.items():
        assert {ask(gateway, native() + query).status_code for _ in range(4)} == {status}

    all_keys_serve_a_plain_client(gateway, upstream)


@pytest.mark.parametrize(
    "name",
    [
        "API key not valid. Please pass a valid API key.",
        "api key expired",
        "Multiple authentication credentials received",
        "Your API key was reported as leaked",
    ],
)
def test_a_model_that_is_named_like_an_error_costs_no_key(
    make_gateway: MakeGateway, upstream: FakeUpstream, name: str
):
    async def repeat(request: Recorded, connection: Connection) -> None:
        body = refusal(400, request.json()["model"] + " is not a model")
        await connection.send(answer(400, body))

    upstream.on(CHAT, repeat)
    gateway = aware(make_gateway, TEN)

    assert {ask(gateway, CHAT, model=name).status_code for _ in range(12)} == {400}

    all_keys_serve_a_plain_client(gateway, upstream)


@both_servers
def test_three_requests_of_a_guest_cost_none_of_thirty_keys(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
):
    thirty = [f"KEY-{number}" for number in range(30)]
    gateway = aware(make_gateway, thirty, server=server)
    made = gateway.manage(
        "tokens", "create", "guest", "--model", FLASH, "--requests-per-minute", "3"
    )
    guest = {"x-goog-api-key": made.stdout.strip()}
    plain = {"x-goog-api-key": gateway.manage("tokens", "create", "plain").stdout.strip()}
    wait_for(lambda: ask(gateway).status_code == 401)
    upstream.requests.clear()
    for tricky in ("?x=/openai/", "?access%5Ftoken=x", "?x=/v1beta/openai/"):
        ask(gateway, native() + tricky, headers=guest)

    assert Counter(key["state"] for key in gateway.keys()) == {"available": 30}
    upstream.requests.clear()
    answers = {ask(gateway, headers=plain).status_code for _ in range(60)}
    assert answers == {200}
    assert set(upstream.picked()) == set(thirty)


# Dead keys are dead.


@both_servers
@pytest.mark.parametrize("path", [native(), CHAT])
def test_a_dead_key_is_found_so_by_its_probe_and_the_next_answers(
    make_gateway: MakeGateway, upstream: FakeUpstream, path: str, server: str
):
    gateway = aware(make_gateway, ["KEY-A", "KEY-B"], server=server)
    upstream.keys = {"KEY-B"}

    assert [ask(gateway, path).status_code for _ in range(4)] == [200] * 4

    assert probes(upstream) == {"KEY-A": 1}
    assert [key["state"] for key in gateway.keys()] == ["invalid", "available"]


# Nobody knows.


@pytest.mark.parametrize("status", [403, 429, 500, 404])
def test_a_key_that_nothing_is_proven_against_rests_for_seconds(
    make_gateway: MakeGateway, upstream: FakeUpstream, status: int
):
    gateway = aware(make_gateway, ["KEY-A", "KEY-B", "KEY-C"])
    dead = refusal(400, "API key not valid.", "API_KEY_INVALID")
    upstream.refuse("KEY-A", status=400, body=dead, model=FLASH)
    blocked = refusal(status, "Requests to this API g method a.ListModels are blocked.")
    upstream.refuse("KEY-A", status=status, body=blocked)

    assert ask(gateway).status_code == 200

    first = gateway.keys()[0]
    assert (first["state"], [c["reason"] for c in first["cooldowns"]]) == ("cooling", ["unproven"])
    wait_for(lambda: gateway.keys()[0]["state"] == "available")
    upstream.recover("KEY-A")
    upstream.requests.clear()
    assert {ask(gateway).status_code for _ in range(3)} == {200}
    assert "KEY-A" in upstream.picked()


def test_a_request_that_nobody_serves_tries_one_further_key_at_most(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = aware(make_gateway, TEN)
    dead = refusal(403, "Requests from referer x are blocked.", "API_KEY_HTTP_REFERRER_BLOCKED")
    answer_below(upstream, "/v1beta/models", 403, dead)

    assert ask(gateway).status_code == 403

    assert len([r for r in upstream.requests if r.target != PROBE]) == 2
    assert Counter(key["state"] for key in gateway.keys()) == {"available": 9, "cooling": 1}


# The end of a good answer.


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/event-stream", "401_access_token_type_unsupported"),
        ("text/event-stream", "400_api_key_invalid"),
        ("text/event-stream", "429_prepay_depleted"),
        ("application/json", "429_prepay_depleted"),
        ("application/x-protobuf", "429_free_rpd_20_short_delay"),
        ("text/plain", "429_free_rpd_20_short_delay"),
    ],
)
def test_what_ends_a_good_answer_costs_no_key(
    make_gateway: MakeGateway, upstream: FakeUpstream, content_type: str, body: str
):
    tail = json.dumps(recorded_error(body), indent=2).encode()
    whole = b'data: {"candidates": [{"content": {"parts": [{"text": "x"}]}}]}\r\n\r\n' + tail

    async def stream(request: Recorded, connection: Connection) -> None:
        await connection.send(answer(200, whole, content_type))

    upstream.on(native(method="streamGenerateContent"), stream)
    gateway = aware(make_gateway, TEN)

    path = native(method="streamGenerateContent")
    assert {ask(gateway, f"{path}?alt=sse").status_code for _ in range(3)} == {200}

    all_keys_serve_a_plain_client(gateway, upstream)


def test_a_target_of_another_kind_condemns_no_key_with_one_request(make_gateway: MakeGateway):
    error = {
        "type": "error",
        "error": {"type": "authentication_error", "message": "invalid x-api-key"},
    }
    with FakeUpstream(strict=False) as other:
        answer_below(other, "/", 401, json.dumps(error).encode())
        groups = [
            group(
                [f"KEY-{auth}", f"KEY-2-{auth}"],
                other.url,
                auth,
                auth=auth,
                rate_limit_policy="quota_aware",
            )
            for auth in ("auto", "both", "bearer")
        ]
        gateway = make_gateway(groups=groups)
        for auth in ("auto", "both", "bearer"):
            assert ask(gateway, f"/g/{auth}{native()}").status_code == 401

        assert "invalid" not in {key["state"] for key in gateway.keys()}


@both_servers
def test_two_workers_ask_once_about_a_key(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
):
    gateway = aware(make_gateway, TEN[:4], server=server, args=["--workers", "2"])
    path = "/v1beta/models/gemini-x:predict"
    answer_below(upstream, path, 400, refusal(400, "x", "API_KEY_INVALID"))

    with httpx.Client(trust_env=False, timeout=30) as client:
        for _ in range(40):
            fresh = {"connection": "close"}
            told = client.post(gateway.url + path, json={}, headers=fresh)
            assert told.status_code == 400

    assert probes(upstream) == dict.fromkeys(TEN[:4], 1)
    all_keys_serve_a_plain_client(gateway, upstream, TEN[:4])
