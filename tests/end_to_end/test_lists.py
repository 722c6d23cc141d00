"""Lists are the union over the projects of a ring, page by page, and each client sees its own.

The gateway rotates over three projects of a Google whose page tokens are good for one project.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.genai import Client as GenaiClient
from openai import OpenAI

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.refusals import google
from tests.support.waiting import wait_for

PROJECTS = {"KEY-A1": "red", "KEY-A2": "red", "KEY-B1": "blue", "KEY-C1": "KEY-C1"}
KEYS = [
    {"key": "KEY-A1", "name": "a1", "project": "red"},
    {"key": "KEY-B1", "name": "b1", "project": "blue"},
    {"key": "KEY-A2", "name": "a2", "project": "red"},
    {"key": "KEY-C1", "name": "c1"},
]
ALL = "red, blue, c1"
COLLECTIONS = {
    "files": "files",
    "cachedContents": "cachedContents",
    "batches": "operations",
    "fileSearchStores": "fileSearchStores",
    "agents": "agents",
}


class Lists:
    """A gateway, what is listed there, and a client of it."""

    def __init__(self, gateway: Gateway, upstream: FakeUpstream) -> None:
        self.gateway = gateway
        self.store = upstream.resources.store
        self.token = ""

    def get(self, target: str, **headers: str) -> httpx.Response:
        if self.token:
            headers["x-goog-api-key"] = self.token
        url = self.gateway.url + target
        return httpx.get(url, headers=headers, timeout=30, trust_env=False)

    def post(self, target: str, body: Any) -> httpx.Response:
        headers = {"x-goog-api-key": self.token} if self.token else {}
        url = self.gateway.url + target
        return httpx.post(url, headers=headers, json=body, timeout=30, trust_env=False)

    def plant(self, collection: str, **counts: int) -> list[str]:
        """So many in the project of each key, as they are listed."""
        names = []
        for key, count in counts.items():
            made = [f"{collection}/{key.lower()}-{number}" for number in range(count)]
            for name in made:
                secret = f"KEY-{key}"
                self.store.plant(secret, name, {"name": name, "id": name.rpartition("/")[2]})
            names += made[::-1]
        return names

    def pages(self, collection: str, size: int) -> list[list[str]]:
        """To the end."""
        listed, token, pages = COLLECTIONS[collection], "", []
        for _ in range(50):
            target = f"/v1beta/{collection}?pageSize={size}&pageToken={token}"
            answer = self.get(target)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            pages.append([f"{collection}/{_id(item)}" for item in page.get(listed, [])])
            token = page.get("nextPageToken") or page.get("next_page_token") or ""
            if not token:
                return pages
        raise AssertionError("the list has no end")


def refuse(upstream: FakeUpstream, key: str, status: int, name: str) -> None:
    upstream.refuse(key, status=status, body=json.dumps(google("Refused", status, name)).encode())


def _id(item: dict[str, Any]) -> str:
    return str(item.get("name") or item["id"]).rpartition("/")[2]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(strict=True, keys=PROJECTS, projects=PROJECTS) as running:
        yield running


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lists(server: str, upstream: FakeUpstream) -> Iterator[Lists]:
    groups = [group(KEYS, upstream.url, "g", auth="google", rate_limit_policy="quota_aware")]
    with Gateway({"groups": groups}, server=server) as gateway:
        yield Lists(gateway, upstream)


def test_a_list_is_the_union_in_one_order(lists: Lists) -> None:
    for collection in COLLECTIONS:
        names = lists.plant(collection, A1=3, B1=7, C1=2)
        for size in (1, 4, 5, 100):
            pages = lists.pages(collection, size)
            assert [name for page in pages for name in page] == names
            assert all(0 < len(page) <= size for page in pages)
        assert lists.pages(collection, 4) == lists.pages(collection, 4)


def test_what_was_asked_is_said_and_no_key(lists: Lists) -> None:
    lists.plant("files", A1=3, B1=2)

    whole, first = lists.get("/v1beta/files?pageSize=50"), lists.get("/v1beta/files?pageSize=2")

    assert whole.headers["x-gateway-projects"] == ALL
    assert first.headers["x-gateway-projects"] == "red"
    assert "KEY" not in str(whole.headers).replace("x-goog-api-key", "")
    assert whole.headers["content-type"] == "application/json"
    assert len(whole.json()["files"]) == 5


def test_each_project_is_asked_with_one_key(lists: Lists) -> None:
    lists.plant("files", A1=1, B1=1, C1=1)
    for _ in range(4):
        assert len(lists.get("/v1beta/files").json()["files"]) == 3

    assert len(lists.store.keys_that("list", "files")) == 12


def test_an_empty_list_is_empty(lists: Lists) -> None:
    answer = lists.get("/v1beta/files")

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["x-gateway-projects"] == ALL


def test_one_project_that_fails_is_said_and_the_others_are_told(
    lists: Lists, upstream: FakeUpstream
) -> None:
    names = lists.plant("files", A1=2, B1=2, C1=2)
    refuse(upstream, "KEY-B1", 403, "PERMISSION_DENIED")

    answer = lists.get("/v1beta/files")

    assert [item["name"] for item in answer.json()["files"]] == [*names[:2], *names[4:]]
    assert answer.headers["x-gateway-projects"] == "red, blue; failed=403, c1"


def test_a_project_that_is_cooling_is_said_and_not_waited_for(lists: Lists) -> None:
    names = lists.plant("files", A1=2, B1=2)
    done = lists.gateway.manage("keys", "disable", "b1")
    assert done.returncode == 0, done.stderr
    told = "red, blue; failed=disabled, c1"
    wait_for(lambda: lists.get("/v1beta/files").headers["x-gateway-projects"] == told)

    assert [item["name"] for item in lists.get("/v1beta/files").json()["files"]] == names[:2]


def test_where_all_fail_the_last_words_are_relayed(lists: Lists, upstream: FakeUpstream) -> None:
    for key in PROJECTS:
        refuse(upstream, key, 503, "UNAVAILABLE")

    answer = lists.get("/v1beta/files")

    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "Refused"
    assert answer.headers["x-gateway-projects"].count("failed=503") == 3


def test_a_forged_page_token_is_a_clear_400(lists: Lists) -> None:
    for token in ("x", "AMEw9yO5jnsGnZJLHSKDFHJJu", "%00", "..%2F..", "a%0Ab", "A" * 5000, "é"):
        answer = lists.get(f"/v1beta/files?pageToken={token}")
        assert answer.status_code == 400, token
        assert "page token" in answer.json()["error"]["message"]
    assert lists.store.touches == []


def test_a_page_token_of_another_list_or_filter_is_none(lists: Lists) -> None:
    lists.plant("files", A1=3)
    token = lists.get("/v1beta/files?pageSize=1").json()["nextPageToken"]

    assert lists.get(f"/v1beta/files?pageToken={token}&pageSize=2").status_code == 200
    for other in ("batches?", "files?filter=x&", "cachedContents?"):
        assert lists.get(f"/v1beta/{other}pageToken={token}").status_code == 400
    assert lists.get(f"/g/g/v1beta/files?pageToken={token}").status_code == 400


def test_a_size_that_is_no_number_is_a_clear_400(lists: Lists) -> None:
    for size in ("-1", "abc", "1e3"):
        answer = lists.get(f"/v1beta/files?pageSize={size}")
        assert answer.status_code == 400, size
        assert "pageSize" in answer.json()["error"]["message"]


def test_what_is_below_a_store_is_its_own_list(lists: Lists) -> None:
    store = lists.post("/v1beta/fileSearchStores", {"displayName": "s"}).json()["name"]

    answer = lists.get(f"/v1beta/{store}/documents")

    assert answer.status_code == 200
    assert "x-gateway-projects" not in answer.headers


def test_what_was_listed_is_found_without_a_search(lists: Lists) -> None:
    names = lists.plant("files", A1=2, B1=2, C1=2)
    assert len(lists.get("/v1beta/files").json()["files"]) == 6

    for name in names * 2:
        assert lists.get(f"/v1beta/{name}").status_code == 200
    assert lists.store.strangers == []


def test_genai_lists_all_to_the_end(lists: Lists) -> None:
    names = lists.plant("files", A1=25, B1=3, C1=12)
    options = {"base_url": lists.gateway.url}
    with GenaiClient(api_key="x", http_options=options) as client:  # type: ignore[arg-type]
        assert [file.name for file in client.files.list()] == names
        assert [file.name for file in client.files.list(config={"page_size": 4})] == names


def test_openai_lists_all_to_the_end(lists: Lists) -> None:
    for key in ("KEY-A1", "KEY-B1", "KEY-C1"):
        for number in range(5):
            file_id = f"file-{key.lower()}-{number}"
            data = {"id": file_id, "object": "file", "filename": "f", "purpose": "batch"}
            lists.store.plant(key, f"openai/files/{file_id}", data)
    with OpenAI(api_key="x", base_url=f"{lists.gateway.url}/v1", max_retries=0) as client:
        names = [file.id for file in client.files.list(limit=2)]
        assert names == [file.id for file in client.files.list(limit=100)]
        with pytest.raises(Exception, match="nothing in this list"):
            list(client.files.list(after="file-of-nobody"))

    assert len(names) == len(set(names)) == 15


@pytest.fixture
def tenants(lists: Lists) -> dict[str, str]:
    made = make_tokens(lists.gateway, {"ann": {}, "bob": {}, "all": {"shared_resources": True}})
    # A gateway without tokens lets in whatever is shown; the last token that was made comes last.
    wait_for(lambda: lists.get("/v1beta/files").status_code == 401)
    lists.token = made["all"]
    wait_for(lambda: lists.get("/v1beta/files").status_code == 200)
    return made


def test_a_token_sees_its_own_only(lists: Lists, tenants: dict[str, str]) -> None:
    made: dict[str, list[str]] = {}
    lists.plant("files", A1=30, B1=1)
    for number in range(8):
        who = ("ann", "bob")[number % 3 == 0]
        lists.token = tenants[who]
        answer = lists.post("/v1beta/files", {"file": {"displayName": f"{number}"}})
        assert answer.status_code == 200, answer.text
        made.setdefault(who, []).append(answer.json()["file"]["name"])
    for who, names in made.items():
        lists.token = tenants[who]
        for size in (1, 2, 100):
            pages = lists.pages("files", size)
            assert sorted(name for page in pages for name in page) == sorted(names)
    lists.token = tenants["all"]
    assert sum(map(len, lists.pages("files", 10))) == 39


def test_a_page_token_is_good_for_its_client_only(lists: Lists, tenants: dict[str, str]) -> None:
    lists.token = tenants["all"]
    lists.plant("files", A1=3)
    token = lists.get("/v1beta/files?pageSize=1").json()["nextPageToken"]
    lists.token = tenants["ann"]

    assert lists.get(f"/v1beta/files?pageSize=1&pageToken={token}").status_code == 400


def test_no_form_of_a_list_shows_what_is_anothers(lists: Lists, tenants: dict[str, str]) -> None:
    lists.plant("files", A1=3, B1=3)
    lists.store.plant("KEY-A1", "openai/files/file-a1-0", {"id": "file-a1-0"})
    lists.token = tenants["ann"]

    for target in (
        "/v1beta/files",
        "/v1beta/files/",
        "/v1beta//files",
        "//v1beta/files",
        "/v1beta/%66iles",
        "/files",
        "/v1/files?alt=sse",
        "/v1beta/files?$alt=proto&fields=nextPageToken",
        "/g/g/v1beta/files?alt=media&callback=x",
        "/v1beta/openai/files",
        "/upload/v1beta/files",
    ):
        answer = lists.get(target, accept="application/x-protobuf")
        assert "a1-" not in answer.text, target
        assert "b1-" not in answer.text, target


def test_what_is_everybodys_is_told_once_to_all(lists: Lists, tenants: dict[str, str]) -> None:
    for key in ("KEY-A1", "KEY-B1"):
        for voice in ("Puck", "Charon", f"voice_{key}"):
            lists.store.plant(key, f"voices/{voice}", {"id": voice})
    for who, more in (("ann", set()), ("all", {"voice_KEY-A1", "voice_KEY-B1"})):
        lists.token = tenants[who]
        told = [voice["id"] for voice in lists.get("/v1beta/voices").json()["voices"]]
        assert sorted(told) == sorted({"Puck", "Charon", *more})


def test_requests_in_one_body_are_no_way_to_what_is_anothers(
    lists: Lists, tenants: dict[str, str]
) -> None:
    for who in ("ann", "all"):
        lists.token = tenants[who]
        for target in ("/batch", "/v1beta/batch", "/%62atch/"):
            listing = {"requests": [{"url": "/v1beta/files"}]}
            is_refused = lists.post(target, listing).status_code == 403
            assert is_refused is (who == "ann"), (who, target)


def test_no_method_in_a_header_shows_what_is_anothers(
    lists: Lists, tenants: dict[str, str]
) -> None:
    lists.plant("files", A1=3)
    headers = {"x-goog-api-key": tenants["ann"], "X-HTTP-Method-Override": "get"}
    answer = httpx.post(f"{lists.gateway.url}/v1beta/files", headers=headers, trust_env=False)

    assert (answer.status_code, answer.json()) == (200, {})


def test_a_ring_with_one_project_passes_as_it_is(upstream: FakeUpstream) -> None:
    groups = [group(KEYS[:1], upstream.url, "g", auth="google")]
    with Gateway({"groups": groups}, server="uvicorn") as gateway:
        lists = Lists(gateway, upstream)
        names = lists.plant("files", A1=12)
        answer = lists.get("/v1beta/files?pageSize=5")
        direct = httpx.get(
            f"{upstream.url}/v1beta/files?pageSize=5",
            headers={"x-goog-api-key": "KEY-A1"},
            trust_env=False,
        )

        assert answer.content == direct.content
        assert "x-gateway-projects" not in answer.headers
        assert [name for page in lists.pages("files", 5) for name in page] == names
        assert json.loads(answer.content)["nextPageToken"]
