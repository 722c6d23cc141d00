"""Who may go on with an upload, and what is told when its key cannot."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.upload_client import FILES, UploadClient, only_upload, parts_of
from tests.support.waiting import wait_for

TOKENS: dict[str, dict[str, Any]] = {
    "owner": {},
    "other": {},
    "revoked": {},
    "narrow": {"groups": ["first"]},
    "limited": {"requests_per_day": 1},
}


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, shared_upstream: FakeUpstream) -> Iterator[Gateway]:
    groups = [group([f"KEY-{name}"], shared_upstream.url, name, auth="google") for name in NAMES]
    with Gateway({"groups": groups}, server=request.param) as running:
        yield running


NAMES = ("first", "second")


@pytest.fixture(scope="module")
def tokens(gateway: Gateway) -> dict[str, str]:
    made = make_tokens(gateway, TOKENS)
    wait_for(lambda: httpx.get(gateway.url + "/v1beta/models", trust_env=False).status_code == 401)
    return made


@pytest.fixture
def target(google: FakeUpstream) -> FakeUpstream:
    google.resources.uploads.granularity = 1
    return google


CHANGE = """
from django.db import transaction
from proxyapp.models import ApiKey, ClientToken, Group
from proxyapp.pool.cursor import raise_pool_version
with transaction.atomic():
    %s
    raise_pool_version()
"""


def change_pool(gateway: Gateway, statement: str) -> None:
    done = gateway.manage("shell", "--no-imports", "-c", CHANGE % statement)
    assert done.returncode == 0, done.stderr


def bearing(token: str) -> dict[str, str]:
    return {"x-goog-api-key": token}


@pytest.fixture
def url(gateway: Gateway, tokens: dict[str, str], target: FakeUpstream) -> str:
    with UploadClient(gateway.url, bearing(tokens["owner"])) as client:
        return client.begin()


@pytest.mark.parametrize("shown", ["owner", "", "AIza-any"])
def test_the_url_lets_in_who_has_it(
    gateway: Gateway, tokens: dict[str, str], target: FakeUpstream, url: str, shown: str
) -> None:
    with UploadClient(gateway.url, bearing(tokens.get(shown, shown)) if shown else {}) as client:
        assert client.parts(url, b"abcd", 2).status_code == 200

    assert only_upload(target).content == b"abcd"


@pytest.mark.parametrize("where", ["x-goog-api-key", "authorization", "query"])
def test_another_clients_token_finds_no_upload(
    gateway: Gateway, tokens: dict[str, str], target: FakeUpstream, url: str, where: str
) -> None:
    token = tokens["other"]
    shown = {"x-goog-api-key": token, "authorization": f"Bearer {token}"}
    headers = {where: shown[where]} if where in shown else {}
    with UploadClient(gateway.url, headers) as client:
        answer = client.part(url if headers else f"{url}&key={token}", b"abcd")

    assert answer.status_code == 404
    assert answer.json()["error"]["status"] == "NOT_FOUND"
    assert parts_of(target) == []


def test_a_token_that_is_revoked_or_deleted_uploads_no_more(
    gateway: Gateway, tokens: dict[str, str], target: FakeUpstream
) -> None:
    with UploadClient(gateway.url, bearing(tokens["revoked"])) as client:
        url = client.begin()
    assert gateway.manage("tokens", "revoke", "revoked").returncode == 0
    with UploadClient(gateway.url) as client:
        wait_for(lambda: client.part(url, b"").status_code == 401)
        assert "revoked" in client.part(url, b"").json()["error"]["message"]


def test_an_upload_without_a_token_needs_one_once_there_are_tokens(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    upstream.resources.uploads.granularity = 1
    gateway = make_gateway()
    with UploadClient(gateway.url) as client:
        url = client.begin()
        token = make_tokens(gateway, {"new": {}})["new"]
        wait_for(lambda: client.part(url, b"").status_code == 401)
        taken = client.part(url, b"abc", is_last=True, token=token)

    assert (taken.status_code, only_upload(upstream).content) == (200, b"abc")


def test_a_limit_of_requests_counts_an_upload_once(
    gateway: Gateway, tokens: dict[str, str], target: FakeUpstream
) -> None:
    with UploadClient(gateway.url, bearing(tokens["limited"])) as client:
        assert client.parts(client.begin(), b"abcdef", 1).status_code == 200
        refused = client.post(FILES, json={})

    assert only_upload(target).content == b"abcdef"
    assert refused.status_code == 429


FORGED = [
    "upload_id=gku-",
    "upload_id=gku-x",
    "upload_id=gku-../../admin",
    "upload_id=gku-%2e%2e%2f",
    "upload_id=gku-a%0d%0aX: y",
    "upload_id=gku-" + "gAAAAA" + "x" * 400,
    "upload_id=gku-" + "x" * 40_000,
    "upload_id=gku-a&upload_id=gku-b",
]


@pytest.mark.parametrize("method", ["POST", "PUT", "GET", "DELETE"])
@pytest.mark.parametrize("query", FORGED, ids=range(len(FORGED)))
def test_a_forged_upload_id_finds_nothing(
    gateway: Gateway, tokens: dict[str, str], google: FakeUpstream, query: str, method: str
) -> None:
    url = f"{gateway.url}{FILES}?{query}"
    answer = httpx.request(
        method, url, headers=bearing(tokens["owner"]), content=b"abc", trust_env=False
    )

    assert answer.status_code == 404, answer.text
    assert "begin it anew" in answer.json()["error"]["message"]
    assert google.requests == []


def test_a_changed_upload_id_finds_nothing(gateway: Gateway, url: str, google: FakeUpstream):
    before = len(google.requests)
    start = url.index("gku-") + 4
    for place in (start, start + 20, len(url) - 30):
        changed = "B" if url[place] == "A" else "A"
        answer = httpx.post(url[:place] + changed + url[place + 1 :], trust_env=False)
        assert answer.status_code == 404

    assert len(google.requests) == before


def test_the_id_of_another_gateway_is_none_here(
    make_gateway: MakeGateway, upstream: FakeUpstream, gateway: Gateway, tokens: dict[str, str]
) -> None:
    with UploadClient(make_gateway().url) as client:
        query = client.begin().partition("?")[2]

    assert httpx.post(f"{gateway.url}{FILES}?{query}", trust_env=False).status_code == 404


KEYS = [{"key": "KEY-A", "name": "alice"}, {"key": "KEY-B", "name": "bob"}]


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
@pytest.mark.parametrize("change", ["disable", "delete"])
def test_a_key_that_is_out_in_the_middle_is_named_and_no_other_is_asked(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, change: str
) -> None:
    upstream.resources.uploads.granularity = 1
    gateway = make_gateway(KEYS, server=server)
    with UploadClient(gateway.url) as client:
        url = client.begin()
        client.part(url, b"abc")
        name = {"KEY-A": "alice", "KEY-B": "bob"}[only_upload(upstream).key]
        if change == "disable":
            assert gateway.manage("keys", "disable", name).returncode == 0
        else:
            change_pool(gateway, f"ApiKey.objects.get(name={name!r}).delete()")
        wait_for(lambda: client.part(url, b"", 3).status_code == 503)
        said = client.part(url, b"d", 3).json()["error"]["message"]

    assert name in said
    assert {request.key for request in parts_of(upstream)} == {only_upload(upstream).key}
    assert only_upload(upstream).content == b"abc"


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_key_that_is_spent_in_the_middle_is_named_with_its_release(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    upstream.resources.uploads.granularity = 1
    gateway = make_gateway(KEYS, server=server)
    with UploadClient(gateway.url) as client:
        url = client.begin()
        name = {"KEY-A": "alice", "KEY-B": "bob"}[only_upload(upstream).key]
        upstream.exhausted(only_upload(upstream).key)
        refusals = [client.part(url, b"a" * size) for size in (1, 2_000_000)]

    for refused in refusals:
        message = refused.json()["error"]["message"]
        assert refused.status_code == 429
        assert name in message
        assert "back at" in message
        assert int(refused.headers["retry-after"]) > 0
    assert upstream.picked().count(only_upload(upstream).key) == 2
    assert len(upstream.requests) == 2


def test_a_token_that_may_not_use_the_group_any_more_is_told_so(
    gateway: Gateway, tokens: dict[str, str], target: FakeUpstream
) -> None:
    with UploadClient(gateway.url, bearing(tokens["narrow"])) as client:
        url = client.begin()
        client.part(url, b"abc")
        change_pool(
            gateway,
            "ClientToken.objects.get(name='narrow').allowed_groups.set("
            "[Group.objects.get(name='second')])",
        )
        wait_for(lambda: client.part(url, b"", 3).status_code == 403)
        refused = client.part(url, b"", 3)

    assert "may not use the key of this upload" in refused.json()["error"]["message"]
