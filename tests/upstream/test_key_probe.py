"""What a provider is asked to find out whether a key works, and what is made of its answer."""

import asyncio
import time
from typing import Any

import pytest
from django.db import connection

from proxyapp.models import ApiKey, Group
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.upstream import key_probe
from proxyapp.upstream.key_probe import ProbeResult, probe_keys
from tests.support.fake_upstream import FakeUpstream
from tests.support.pool_data import add_group, add_key, secret
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def group(upstream: FakeUpstream) -> Group:
    return add_group(target_url=upstream.url, auth="google")


def probe(key: ApiKey) -> ProbeResult:
    (result,) = probe_keys([key.pk])
    return result


# The question.


def test_a_key_that_works_is_asked_for_one_model_which_costs_no_quota(
    group: Group, upstream: FakeUpstream
):
    key = add_key(group, "one")

    result = probe(key)

    assert result == ProbeResult(key.pk, ProbeOutcome.WORKS, 200, "works")
    assert (upstream.last.method, upstream.last.target) == ("GET", b"/v1beta/models?pageSize=1")
    assert upstream.picked() == [secret("one")]


def test_a_target_below_openai_is_asked_as_such(upstream: FakeUpstream):
    key = add_key(add_group(target_url=f"{upstream.url}/v1beta/openai", auth="google"), "one")

    result = probe(key)

    assert result.ok
    assert upstream.last.target == b"/v1beta/openai/models"


@pytest.mark.parametrize(
    ("auth", "credential"),
    [
        ("x-api-key", "x-api-key"),
        ("api-key", "api-key"),
        ("header:x-my-key", "x-my-key"),
        ("bearer", "authorization"),
    ],
)
def test_targets_of_other_providers_are_asked_for_their_models(
    upstream: FakeUpstream, auth: str, credential: str
):
    upstream.strict = False
    key = add_key(add_group(target_url=f"{upstream.url}/v1", auth=auth), "one")

    result = probe(key)

    assert result.message == "works"
    assert upstream.last.path == "/v1/models"
    assert secret("one") in upstream.last.value(credential)
    assert bool(upstream.last.value("anthropic-version")) == (auth == "x-api-key")


def test_a_target_that_gets_two_credentials_and_has_no_list_of_geminis_may_have_openais(
    upstream: FakeUpstream,
):
    upstream.strict = False

    async def lack(request, connection):
        await connection.answer(404, b"{}")

    async def models(request, connection):
        await connection.answer(200, b'{"data": []}')

    upstream.on("/v1beta", lack)
    upstream.on("/v1/models", models)
    key = add_key(add_group(target_url=upstream.url), "one")

    assert probe(key).message == "works"


def test_a_key_for_the_query_is_asked_about_there_and_named_nowhere(upstream: FakeUpstream):
    key = add_key(add_group(target_url=f"{upstream.url}/v1", auth="query:token"), "one")
    echo = f'{{"error": {{"message": "no {upstream.url}/v1?token={secret("one")}"}}}}'.encode()

    async def refuse(request, connection):
        await connection.answer(400, echo, [("Content-Type", "application/json")])

    upstream.on("/v1/models", refuse)

    result = probe(key)

    assert upstream.last.target == f"/v1/models?token={secret('one')}".encode()
    assert secret("one") not in result.message
    assert "token=" in result.message


INVALID = {
    "openai": (
        401,
        b'{"error": {"message": "Incorrect API key provided: sk-a. You can find your API key at'
        b' https://platform.openai.com/account/api-keys.", "type": "invalid_request_error",'
        b' "param": null, "code": "invalid_api_key"}}',
    ),
    "anthropic": (
        401,
        b'{"type": "error", "error": {"type": "authentication_error", "message":'
        b' "invalid x-api-key"}}',
    ),
    "nobody": (401, b'{"error": {"message": "who are you?"}}'),
}


@pytest.mark.parametrize(
    ("auth", "body", "outcome"),
    [
        ("bearer", "openai", ProbeOutcome.DEAD),
        ("header:x-token", "openai", ProbeOutcome.DEAD),
        ("x-api-key", "anthropic", ProbeOutcome.DEAD),
        ("both", "openai", ProbeOutcome.INCONCLUSIVE),
        ("x-api-key", "nobody", ProbeOutcome.INCONCLUSIVE),
        ("bearer", "nobody", ProbeOutcome.INCONCLUSIVE),
    ],
)
def test_a_provider_that_is_shown_the_key_where_the_operator_says_can_call_it_dead(
    upstream: FakeUpstream, auth: str, body: str, outcome: ProbeOutcome
):
    key = add_key(add_group(target_url=f"{upstream.url}/v1", auth=auth), "one")

    async def refuse(request, connection):
        status, text = INVALID[body]
        await connection.answer(status, text, [("Content-Type", "application/json")])

    upstream.on("/v1/models", refuse)

    assert probe(key).outcome is outcome


def test_a_target_that_refuses_two_credentials_is_asked_again_with_one(upstream: FakeUpstream):
    key = add_key(add_group(target_url=upstream.url, auth="both"), "one")

    result = probe(key)

    assert result.message == "works"
    assert len(upstream.requests) == 2


def test_keys_are_asked_through_the_proxy_of_their_group(upstream: FakeUpstream):
    with HttpProxy(username="user", password="word") as proxy:
        proxy_url = proxy.url_with("user", "word")
        key = add_key(add_group(target_url=upstream.url, auth="google", proxy_url=proxy_url), "one")

        result = probe(key)

        assert result.message == "works"
        assert len(proxy.connections) == 1


def test_results_come_in_the_order_of_the_question_and_keys_that_are_gone_are_left_out(
    group: Group,
):
    ids = [add_key(group, str(number)).pk for number in range(25)]

    results = probe_keys([*reversed(ids), max(ids) + 1])

    assert [result.key_id for result in results] == ids[::-1]


# The answer.


def test_a_dead_key_is_called_dead_in_the_provider_s_words(group: Group, upstream: FakeUpstream):
    upstream.refuse(secret("one"), status=400, body="400_api_key_invalid")

    result = probe(add_key(group, "one"))

    assert (result.ok, result.status) == (False, 400)
    assert result.message == "the key is dead: API key not valid. Please pass a valid API key."


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            429,
            (
                b'{"error": {"code": 429, "message": "Quota exceeded", '
                b'"status": "RESOURCE_EXHAUSTED"}}'
            ),
            "asked too often, which says nothing against the key: Quota exceeded",
        ),
        (
            503,
            (
                b'{"error": {"code": 503, "message": "The model is overloaded.", '
                b'"status": "UNAVAILABLE"}}'
            ),
            (
                "the provider is in trouble, which says nothing against the key: The model is"
                " overloaded."
            ),
        ),
        (
            400,
            (
                b'{"error": {"code": 400, '
                b'"message": "User location is not supported for the API use."}}'
            ),
            (
                "refused for where the request comes from, not for its key: User location is not"
                " supported for the API"
            ),
        ),
        (
            404,
            b"nothing here",
            "no list of models there, is the group's target URL right?: nothing here",
        ),
        (
            200,
            b"<title>Welcome</title>",
            "no list of models there, is the group's target URL right?",
        ),
        (302, b"", "no list of models there, is the group's target URL right?"),
        (400, b'{"error": {"code": 400, "message": "Something\\n\\nelse."}}', "Something else."),
        (400, b"", "an empty answer"),
    ],
    ids=["limit", "server", "region", "not found", "page", "redirect", "unexplained", "empty"],
)
def test_what_does_not_speak_for_itself_is_explained(
    group: Group, upstream: FakeUpstream, status: int, body: bytes, message: str
):
    upstream.refuse(secret("one"), status=status, body=body)

    result = probe(add_key(group, "one"))

    assert (result.ok, result.status) == (False, status)
    assert result.message.startswith(message)


def test_a_key_that_was_sent_to_the_wrong_place_is_not_called_dead(upstream: FakeUpstream):
    key = add_key(add_group(target_url=upstream.url, auth="bearer"), "one")

    result = probe(key)

    assert result.status == 401
    assert result.message.startswith("the key did not arrive where it is looked for")


@pytest.mark.parametrize("before", [0, 1, 275, 290])
@pytest.mark.parametrize("own", [secret("one"), "a-key-of-another-provider"])
def test_a_message_never_repeats_the_key_nor_a_part_of_it(
    group: Group, upstream: FakeUpstream, own: str, before: int
):
    key = add_key(group, "one")
    key.set_secret(own)
    key.save()
    upstream.refuse(own, status=400, body=b"x" * before + own.encode())

    result = probe(key)

    assert own[:6] not in result.message
    assert result.status == 400
    assert len(result.message) <= 300


def test_no_answer_says_why(upstream: FakeUpstream):
    key = add_key(add_group(target_url=f"http://127.0.0.1:{free_port()}"), "one")

    result = probe(key)

    assert (result.ok, result.status) == (False, None)
    assert result.message.startswith("No connection to 127.0.0.1")


def test_a_provider_that_does_not_answer_is_not_waited_for(
    group: Group, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
):
    async def wait(*_: Any) -> None:
        await asyncio.Event().wait()

    upstream.on("/v1beta/models", wait)
    monkeypatch.setattr("proxyapp.upstream.key_probe.PROBE_SECONDS", 0.3)

    key = add_key(group, "one")
    began_at = time.monotonic()

    result = probe(key)

    assert (result.status, result.message) == (None, "waited 0.3 s in vain")
    assert time.monotonic() - began_at < 2.5


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("apikey", "secret", "SECRET_KEY does not open this key"),
        ("group", "proxy_url", key_probe.UNUSABLE),
    ],
)
def test_a_key_that_cannot_be_used_here_is_not_left_out(
    upstream: FakeUpstream, table: str, column: str, said: str
):
    key = add_key(add_group(target_url=upstream.url, proxy_url="http://127.0.0.1:1"), "one")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE proxyapp_{table} SET {column} = 'gAAAA-of-another-secret'")

    result = probe(key)

    assert (result.ok, result.status, result.message) == (False, None, said)
    assert upstream.requests == []


# What it says of the key.

GOOGLES = b'{"error": {"code": %d, "message": "%b", "status": "X", "details": [%b]}}'
INFO = b'{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "%b"}'


def outcome(
    upstream: FakeUpstream, status: int, message: bytes, reason: bytes = b"", auth: str = "google"
) -> ProbeOutcome:
    details = INFO % reason if reason else b""
    upstream.refuse(secret("one"), status=status, body=GOOGLES % (status, message, details))
    return probe(add_key(add_group(target_url=upstream.url, auth=auth), "one")).outcome


@pytest.mark.parametrize(
    "reason",
    [
        b"API_KEY_INVALID",
        b"API_KEY_EXPIRED",
        b"API_KEY_IP_ADDRESS_BLOCKED",
        b"CONSUMER_SUSPENDED",
        b"PROJECT_DELETED",
        b"SERVICE_DISABLED",
    ],
)
@pytest.mark.parametrize("auth", ["google", "both", "x-goog-api-key"])
def test_a_dead_key_is_dead(upstream: FakeUpstream, reason: bytes, auth: str):
    assert outcome(upstream, 403, b"x", reason, auth) is ProbeOutcome.DEAD


@pytest.mark.parametrize(
    "message",
    [
        b"API key not valid. Please pass a valid API key.",
        b"Your API key was reported as leaked. Please use another API key.",
        b"Project 123 has been deleted.",
        b"The provided API key has an IP address restriction.",
    ],
)
def test_a_key_is_dead_by_googles_words_too(upstream: FakeUpstream, message: bytes):
    assert outcome(upstream, 403, message) is ProbeOutcome.DEAD


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"x", b"API_KEY_HTTP_REFERRER_BLOCKED"),
        (b"x", b"API_KEY_ANDROID_APP_BLOCKED"),
        (b"x", b"API_KEY_IOS_APP_BLOCKED"),
        (b"x", b"API_KEY_SERVICE_BLOCKED"),
        (b"Requests from referer <empty> are blocked.", b""),
        (b"Requests from this iOS client application <empty> are blocked.", b""),
        (b"Requests to this API g.googleapis.com method a.ListModels are blocked.", b""),
        (b"The provided API key has an HTTP referrer restriction.", b""),
    ],
)
def test_a_restriction_says_nothing_of_other_requests(
    upstream: FakeUpstream, message: bytes, reason: bytes
):
    assert outcome(upstream, 403, message, reason) is ProbeOutcome.INCONCLUSIVE


@pytest.mark.parametrize("status", [404, 429, 500, 503, 302])
def test_other_statuses_say_nothing_of_the_key(upstream: FakeUpstream, status: int):
    assert outcome(upstream, status, b"API key not valid.") is ProbeOutcome.INCONCLUSIVE


X_API_KEY = b'{"error": {"type": "authentication_error", "message": "invalid x-api-key"}}'
INCORRECT = b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}'


@pytest.mark.parametrize(
    ("auth", "body"),
    [
        ("both", X_API_KEY),
        ("auto", X_API_KEY),
        ("bearer", X_API_KEY),
        ("both", INCORRECT),
        ("auto", INCORRECT),
    ],
)
def test_a_target_of_another_kind_does_not_look_where_the_key_is(auth: str, body: bytes):
    with FakeUpstream(strict=False) as other:
        other.refuse(secret("one"), status=401, body=body)

        result = probe(add_key(add_group(target_url=other.url, auth=auth), "one"))

    assert (result.outcome, result.status) == (ProbeOutcome.INCONCLUSIVE, 401)


def test_an_error_with_status_200_is_no_list_of_models(upstream: FakeUpstream):
    body = GOOGLES % (400, b"API key not valid.", INFO % b"API_KEY_INVALID")
    upstream.refuse(secret("one"), status=200, body=body)

    result = probe(add_key(add_group(target_url=upstream.url, auth="google"), "one"))

    assert (result.ok, result.is_dead) == (False, True)
