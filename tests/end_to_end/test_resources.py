"""What belongs to a key goes to its key: files, caches, batches and the rest.

The gateway rotates over three projects of a Google that lets nobody see what is another's.
"""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.support.chosen_database import needs_sqlite
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.waiting import wait_for

PROJECTS = {"KEY-A1": "red", "KEY-A2": "red", "KEY-B1": "blue", "KEY-C1": "KEY-C1"}
KEYS = [
    {"key": key, "name": key.lower(), "project": project if project != key else ""}
    for key, project in PROJECTS.items()
]
FLASH = "/v1beta/models/gemini-2.5-flash"
BATCH = {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": [{}]}}}}
# How each is made, and where its answer names it.
MADE: dict[str, tuple[str, Any]] = {
    "a file": ("/v1beta/files", {"file": {"displayName": "notes"}}),
    "a cache": ("/v1beta/cachedContents", {"model": "models/gemini-2.5-flash"}),
    "a batch": (f"{FLASH}:batchGenerateContent", BATCH),
    "a video": ("/v1beta/models/veo-3:predictLongRunning", {"instances": [{"prompt": "a"}]}),
    "a store": ("/v1beta/fileSearchStores", {"displayName": "s"}),
    "an interaction": ("/v1beta/interactions", {"model": "gemini-2.5-flash", "input": "hi"}),
}


class Google:
    """A gateway and what it asks."""

    def __init__(self, gateway: Gateway, upstream: FakeUpstream) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.token = ""

    def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"x-goog-api-key": self.token} if self.token else {}
        return httpx.request(
            method,
            self.gateway.url + path,
            json=body,
            headers=headers,
            timeout=30,
            trust_env=False,
        )

    def make(self, what: str) -> str:
        path, body = MADE[what]
        answer = self("POST", path, body)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        if what == "an interaction":
            return f"interactions/{told['id']}"
        return str((told.get("file") or told)["name"])

    def owner_of(self, name: str) -> str:
        return next(key for key in PROJECTS if name in self.upstream.resources.store.names_of(key))

    def key_named(self, secret: str) -> dict[str, Any]:
        return next(row for row in self.gateway.keys() if row["name"] == secret.lower())

    def is_quiet(self) -> bool:
        """No key was asked for what is another's."""
        return self.upstream.resources.store.strangers == []


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(strict=True, keys=PROJECTS, projects=PROJECTS) as running:
        yield running


def config(upstream: FakeUpstream, **more: Any) -> dict[str, Any]:
    first = group(KEYS, upstream.url, "g", auth="google", rate_limit_policy="quota_aware", **more)
    return {"groups": [first]}


@pytest.fixture(params=["daphne", "uvicorn"])
def google(request: pytest.FixtureRequest, upstream: FakeUpstream) -> Iterator[Google]:
    with Gateway(config(upstream), server=request.param) as gateway:
        yield Google(gateway, upstream)


@pytest.fixture
def one_server(upstream: FakeUpstream) -> Iterator[Google]:
    with Gateway(config(upstream), server="uvicorn") as gateway:
        yield Google(gateway, upstream)


@pytest.mark.parametrize("what", MADE)
def test_each_request_that_names_one_goes_to_the_project_that_made_it(
    google: Google, what: str
) -> None:
    names = [google.make(what) for _ in range(4)]

    for name in names * 2:
        answer = google("GET", f"/v1beta/{name}")
        assert answer.status_code == 200, answer.text
    assert google.is_quiet()
    assert {row["state"] for row in google.gateway.keys()} == {"available"}


def test_what_a_body_refers_to_goes_there_too(google: Google) -> None:
    for _ in range(4):
        name = google.make("a file")
        uri = f"https://generativelanguage.googleapis.com/v1beta/{name}"
        parts = [{"text": "what is this"}, {"fileData": {"fileUri": uri}}]
        answer = google("POST", f"{FLASH}:generateContent", {"contents": [{"parts": parts}]})
        assert answer.status_code == 200, answer.text
        cache = google.make("a cache")
        body = {"cachedContent": cache, "contents": [{"parts": [{"text": "hi"}]}]}
        assert google("POST", f"{FLASH}:generateContent", body).status_code == 200
        first = google.make("an interaction").removeprefix("interactions/")
        body = {"model": "gemini-2.5-flash", "input": "on", "previous_interaction_id": first}
        assert google("POST", "/v1beta/interactions", body).status_code == 200
    assert google.is_quiet()


def test_it_is_known_after_a_restart(one_server: Google) -> None:
    names = [one_server.make("a file") for _ in range(4)]
    assert one_server.gateway.stop() == 0
    one_server.gateway.start()

    assert [one_server("GET", f"/v1beta/{name}").status_code for name in names] == [200] * 4
    assert one_server.is_quiet()


def test_it_is_known_at_once_in_every_process(upstream: FakeUpstream) -> None:
    with Gateway(config(upstream), server="uvicorn", args=["--workers", "2"]) as gateway:
        google = Google(gateway, upstream)
        for _ in range(12):
            name = google.make("a file")
            assert google("GET", f"/v1beta/{name}").status_code == 200

    assert google.is_quiet()


@needs_sqlite("needs SQLite: its file is locked")
def test_what_is_made_while_the_database_is_away_is_known_then_and_later(
    one_server: Google,
) -> None:
    path = one_server.gateway.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        names = [one_server.make("a file") for _ in range(3)]
        assert [one_server("GET", f"/v1beta/{name}").status_code for name in names] == [200] * 3
    wait_for(lambda: one_server("GET", "/readyz").json()["spooled"] == 0, 40)
    assert one_server.gateway.stop() == 0
    one_server.gateway.start()

    assert [one_server("GET", f"/v1beta/{name}").status_code for name in names] == [200] * 3
    assert one_server.is_quiet()


@needs_sqlite("needs SQLite: its file is locked")
def test_what_is_made_meanwhile_is_known_in_every_process_of_the_machine(
    upstream: FakeUpstream,
) -> None:
    with Gateway(config(upstream), server="uvicorn", args=["--workers", "2"]) as gateway:
        google = Google(gateway, upstream)
        tokens = make_tokens(gateway, {"ann": {}, "bob": {}})
        # Of each process: which of them answers is the system's choice.
        wait_for(lambda: {google("GET", "/v1beta/models").status_code for _ in range(12)} == {401})
        google.token = tokens["ann"]
        path = gateway.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            names = [google.make("a file") for _ in range(4)]
            asked = [google("GET", f"/v1beta/{name}").status_code for name in names * 4]
            google.token = tokens["bob"]
            refused = {google("GET", f"/v1beta/{name}").status_code for name in names * 2}

    assert asked == [200] * 16
    assert refused <= {404, 503}
    assert google.is_quiet()


def test_a_prompt_that_only_speaks_of_one_is_free(one_server: Google) -> None:
    one_server.make("a file")
    text = json.dumps({"fileUri": "files/abc123", "cachedContent": "cachedContents/x"})
    body = {"contents": [{"parts": [{"text": text}]}]}

    for _ in range(4):
        assert one_server("POST", f"{FLASH}:generateContent", body).status_code == 200
    used = {request.key for request in one_server.upstream.requests[1:]}
    assert used == set(PROJECTS)


def test_a_cooling_key_is_named_with_the_time_of_its_release(one_server: Google) -> None:
    name = one_server.make("a cache")
    owner = one_server.owner_of(name)
    keys = [key for key in PROJECTS if PROJECTS[key] == PROJECTS[owner]]
    for key in keys:
        one_server.upstream.refuse(key, body="429_paid_rpd_250_5h")
    body = {"cachedContent": name, "contents": [{"parts": [{"text": "hi"}]}]}
    first = one_server("POST", f"{FLASH}:generateContent", body)
    later = one_server("POST", f"{FLASH}:generateContent", body)

    for answer in (first, later):
        assert answer.status_code == 429
        message = answer.json()["error"]["message"]
        assert f"{name} belongs to the key '" in message
        assert "is cooling. It is back at" in message
        assert int(answer.headers["retry-after"]) > 0
    assert one_server.is_quiet()


def test_a_disabled_key_is_named(one_server: Google) -> None:
    name = one_server.make("a file")
    owner = one_server.owner_of(name)
    ids = [
        str(one_server.key_named(key)["id"]) for key in PROJECTS if PROJECTS[key] == PROJECTS[owner]
    ]
    assert one_server.gateway.manage("keys", "disable", *ids).returncode == 0
    wait_for(lambda: one_server("GET", f"/v1beta/{name}").status_code == 503, seconds=5)

    answer = one_server("GET", f"/v1beta/{name}")
    assert f"{name} belongs to the key '" in answer.json()["error"]["message"]
    assert one_server.is_quiet()


def test_resources_of_two_projects_are_a_clear_mistake(one_server: Google) -> None:
    names: dict[str, str] = {}
    while len(names) < 2:
        name = one_server.make("a file")
        names.setdefault(PROJECTS[one_server.owner_of(name)], name)
    parts = [{"fileData": {"fileUri": name}} for name in names.values()]
    answer = one_server("POST", f"{FLASH}:generateContent", {"contents": [{"parts": parts}]})

    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert all(name in message for name in names.values())
    assert "no key can use both" in message
    assert one_server.is_quiet()


def test_what_was_made_elsewhere_is_found_and_remembered(google: Google) -> None:
    store = google.upstream.resources.store
    for number, key in enumerate(("KEY-C1", "KEY-B1", "KEY-A2")):
        store.plant(key, f"files/planted{number}")
    paths = [f"/v1beta/files/planted{number}" for number in range(3)]

    assert [google("GET", path).status_code for path in paths] == [200] * 3
    asked = len(store.strangers)
    assert asked <= 2 * 3
    assert [google("GET", path).status_code for path in paths * 2] == [200] * 6
    assert len(store.strangers) == asked
    assert {row["state"] for row in google.gateway.keys()} == {"available"}


def test_what_nobody_has_is_asked_of_each_project_once(google: Google) -> None:
    answer = google("GET", "/v1beta/files/nobodys")

    assert answer.status_code == 403
    assert "permission to access the File nobodys" in answer.json()["error"]["message"]
    strangers = [touch.project for touch in google.upstream.resources.store.strangers]
    assert sorted(strangers) == sorted({"red", "blue", "KEY-C1"})
    assert {row["state"] for row in google.gateway.keys()} == {"available"}


def test_what_is_deleted_is_forgotten(one_server: Google) -> None:
    name = one_server.make("a file")
    assert one_server("DELETE", f"/v1beta/{name}").status_code == 200

    assert one_server("GET", f"/v1beta/{name}").status_code == 403


@pytest.fixture
def tenants(one_server: Google) -> dict[str, str]:
    made = make_tokens(one_server.gateway, {"ann": {}, "bob": {}})
    wait_for(lambda: one_server("GET", "/v1beta/models").status_code == 401, seconds=5)
    return made


def test_a_client_does_not_see_what_another_made(
    one_server: Google, tenants: dict[str, str]
) -> None:
    one_server.token = tenants["ann"]
    names = [one_server.make("a file") for _ in range(3)]
    assert [one_server("GET", f"/v1beta/{name}").status_code for name in names] == [200] * 3
    touched = len(one_server.upstream.requests)
    one_server.token = tenants["bob"]

    for name in names:
        for method, path, body in (
            ("GET", f"/v1beta/{name}", None),
            ("DELETE", f"/v1beta/{name}", None),
            ("POST", f"{FLASH}:generateContent", {"contents": [{"fileData": {"fileUri": name}}]}),
        ):
            answer = one_server(method, path, body)
            assert answer.status_code == 404, answer.text
            assert f"{name} was not found" in answer.json()["error"]["message"]
    assert one_server("GET", "/v1beta/files/never-made").status_code == 404
    assert len(one_server.upstream.requests) == touched


def test_a_client_names_nothing_of_anothers_in_what_only_google_can_read(
    one_server: Google, tenants: dict[str, str]
) -> None:
    one_server.token = tenants["ann"]
    name = one_server.make("a file")
    touched = len(one_server.upstream.requests)
    lenient = f"{{'contents': [{{parts: [{{fileData: {{fileUri: '{name}'}}}}]}}]}}".encode()
    packed = gzip.compress(lenient.replace(b"'", b'"'))
    headers = {"x-goog-api-key": tenants["bob"], "content-type": "application/json"}
    url = one_server.gateway.url

    with httpx.Client(headers=headers, trust_env=False) as bob:
        for path, body, more, status in (
            (f"{FLASH}:generateContent", lenient, {}, 400),
            (f"{FLASH}:generateContent", packed, {"content-encoding": "gzip"}, 400),
            (f"/v1beta/{name.replace('/', '%2F')}:x", b"", {}, 400),
            ("/batch/generativelanguage/v1beta", b"GET /v1beta/%66iles\r\n", {}, 403),
        ):
            answer = bob.post(url + path, content=body, headers=more)
            assert answer.status_code == status, answer.text
    assert len(one_server.upstream.requests) == touched


def test_two_clients_may_choose_one_name(one_server: Google, tenants: dict[str, str]) -> None:
    shown = {}
    for who in ("ann", "bob"):
        one_server.token = tenants[who]
        body = {"file": {"name": "files/report", "displayName": who}}
        answer = one_server("POST", "/v1beta/files", body)
        while answer.status_code == 409:  # this project has the other's
            answer = one_server("POST", "/v1beta/files", body)
        assert answer.status_code == 200, answer.text
    for who in ("ann", "bob", "ann"):
        one_server.token = tenants[who]
        shown[who] = one_server("GET", "/v1beta/files/report").json()["displayName"]

    assert shown == {"ann": "ann", "bob": "bob"}


def test_what_an_operation_has_made_belongs_to_whoever_began_it(
    one_server: Google, tenants: dict[str, str]
) -> None:
    one_server.token = tenants["ann"]
    operation = one_server.make("a video")
    told = one_server("GET", f"/v1beta/{operation}").json()["response"]
    video = told["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"]
    path = f"/v1beta/files/{video.partition('/files/')[2]}"
    assert one_server("GET", path).status_code == 200
    one_server.token = tenants["bob"]

    assert one_server("GET", path).status_code == 404
    assert one_server("GET", f"/v1beta/{operation}").status_code == 404
    assert one_server.is_quiet()
