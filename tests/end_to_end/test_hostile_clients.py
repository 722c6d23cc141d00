"""What a client wrote may cost that client, never the others.

One client makes the provider say each recorded refusal to its own requests, whatever key they
come with; another is innocent, but uses what free keys have no quota for. Beside them honest
clients get their answers from every key.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support import fake_gemini
from tests.support.fake_gemini import DATA
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.gateway_tokens import make_tokens
from tests.support.quota_gateway import FLASH, PRO, native
from tests.support.waiting import wait_for

KEYS = [{"key": f"KEY-{n}", "name": f"key {n}", "project": f"project {n}"} for n in range(6)]
# These are true of the project, whoever hears them, and of every model.
OF_THE_PROJECT = {"spend", "billing"}
RECORDED = [
    row
    for row in json.loads((DATA / "MANIFEST.json").read_text())
    if row["http_status"] >= 400 and row["meaning_class"] not in OF_THE_PROJECT
]
WORDS = [
    "API key not valid. Please pass a valid API key.",
    "Your API key was reported as leaked. Please use another API key.",
    "Consumer 'project_number:1' has been suspended.",
    "Your project has been denied access. Please contact support.",
    "Requests from referer https://client.example/ are blocked.",
    "Multiple authentication credentials received. Please pass only one.",
    "This API method requires billing to be enabled.",
    "Your credit balance is too low.",
]
TERMS = {"hostile": {"models": [PRO]}, "unlucky": {}, "honest": {}}


def google(message: str, status: int) -> bytes:
    return json.dumps({"error": {"code": status, "message": message, "status": "X"}}).encode()


def refusals() -> Iterator[tuple[int, bytes]]:
    """Every recorded one, and the words of condemnation with every status of a refusal."""
    for row in RECORDED:
        yield row["http_status"], (DATA / f"{row['name']}.json").read_bytes()
    for words in WORDS:
        yield from ((status, google(words, status)) for status in (400, 401, 402, 403))


@pytest.fixture
def repeating(upstream: FakeUpstream) -> FakeUpstream:
    """Says to requests for PRO what their client orders; and free keys may not search."""

    async def obey(request: Recorded, connection: Connection) -> None:
        order = json.loads(request.body)
        body = order["say"].encode("latin-1")
        await connection.answer(order["status"], body, fake_gemini.JSON)

    async def answer(request: Recorded, connection: Connection) -> None:
        if b"google_search" in request.body:
            body = (DATA / "429_help_only.json").read_bytes()
            await connection.answer(429, body, fake_gemini.JSON)
            return
        await connection.answer(200, b'{"candidates": []}', fake_gemini.JSON)

    upstream.on(native(PRO), obey)
    upstream.on(native(FLASH), answer)
    return upstream


def ask(gateway: Gateway, token: str, path: str, body: object) -> int:
    headers = {"x-goog-api-key": token}
    url = gateway.url + path
    return httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False).status_code


def keys_that_answer(gateway: Gateway, upstream: FakeUpstream, token: str, times: int) -> set[str]:
    """Those that answered an honest client, whose every request was answered."""
    before = len(upstream.requests)
    statuses = [ask(gateway, token, native(FLASH), {"contents": []}) for _ in range(times)]
    assert set(statuses) == {200}
    return {
        request.key or ""
        for request in upstream.requests[before:]
        if request.path == native(FLASH) and b"google_search" not in request.body
    }


@pytest.mark.parametrize("workers", [1, 4])
def test_honest_clients_are_answered_by_every_key(
    make_gateway: MakeGateway, repeating: FakeUpstream, workers: int
):
    gateway = make_gateway(KEYS, rate_limit_policy="quota_aware", args=["--workers", str(workers)])
    tokens = make_tokens(gateway, TERMS)
    wait_for(lambda: ask(gateway, "none", native(FLASH), {}) == 401)
    search: dict[str, object] = {"contents": [], "tools": [{"google_search": {}}]}

    with ThreadPoolExecutor(4) as pool:
        for status, body in refusals():
            order = {"contents": [], "status": status, "say": body.decode("latin-1")}
            evil = [
                pool.submit(ask, gateway, tokens["hostile"], native(PRO), order) for _ in range(3)
            ]
            unlucky = pool.submit(ask, gateway, tokens["unlucky"], native(FLASH), search)
            assert ask(gateway, tokens["honest"], native(FLASH), {"contents": []}) == 200, body
            for asked in chain(evil, [unlucky]):
                assert asked.result() != 200

    laps = 3 * len(KEYS) * workers
    answering = keys_that_answer(gateway, repeating, tokens["honest"], laps)
    assert answering == {str(key["key"]) for key in KEYS}
    assert {key["state"] for key in gateway.keys()} == {"available"}


def test_events_say_whose_request_it_was(make_gateway: MakeGateway, repeating: FakeUpstream):
    gateway = make_gateway(KEYS, rate_limit_policy="quota_aware")
    tokens = make_tokens(gateway, TERMS)
    minute = (DATA / "429_free_rpm_10_msg_without_model.json").read_text()
    wait_for(lambda: ask(gateway, "none", native(FLASH), {}) == 401)

    ask(gateway, tokens["hostile"], native(PRO), {"status": 429, "say": minute})

    script = (
        "from proxyapp.models import RateLimitEvent as E;"
        "print('whose', set(E.objects.values_list('client__name', flat=True)))"
    )
    done = gateway.manage("shell", "--no-imports", "-c", script)
    assert "whose {'hostile'}" in done.stdout, done.stderr
