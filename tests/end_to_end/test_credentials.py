"""How keys are presented to targets, and what a target that refuses two credentials changes."""

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group

NATIVE = "/v1beta/models"
OPENAI = "/v1beta/openai/models"
SEEN = ("authorization", "x-goog-api-key", "x-api-key")


def credentials_seen(upstream: FakeUpstream) -> dict[str, str]:
    headers = {name.decode().lower(): value.decode() for name, value in upstream.last.headers}
    return {name: headers[name] for name in SEEN if name in headers}


def ask(gateway: Gateway, path: str) -> httpx.Response:
    """With every credential that a client may send."""
    mine = {"authorization": "Bearer mine", "x-goog-api-key": "mine", "x-api-key": "mine"}
    return httpx.get(f"{gateway.url}{path}?key=mine", headers=mine, timeout=30, trust_env=False)


@pytest.fixture(scope="module")
def lenient():
    with FakeUpstream(strict=False) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(lenient):
    ways = ["auto", "google", "both", "x-goog-api-key", "bearer"]
    groups = [group([f"KEY-{way}"], lenient.url, way, auth=way) for way in ways]
    with Gateway({"groups": groups}) as running:
        yield running


@pytest.mark.parametrize(
    ("auth", "path", "names"),
    [
        ("auto", NATIVE, {"authorization", "x-goog-api-key"}),
        ("both", OPENAI, {"authorization", "x-goog-api-key"}),
        ("google", NATIVE, {"x-goog-api-key"}),
        ("google", OPENAI, {"authorization"}),
        ("x-goog-api-key", OPENAI, {"x-goog-api-key"}),
        ("bearer", NATIVE, {"authorization"}),
    ],
)
def test_the_key_goes_where_the_group_says_and_nothing_of_the_clients(
    gateway, lenient, auth, path, names
):
    assert ask(gateway, f"/g/{auth}{path}").status_code == 200

    key = f"KEY-{auth}"
    values = {"authorization": f"Bearer {key}", "x-goog-api-key": key}
    assert credentials_seen(lenient) == {name: values[name] for name in names}
    assert lenient.last.target == path.encode()


def test_a_target_that_refuses_two_credentials_gets_one_from_then_on(
    make_gateway: MakeGateway, upstream: FakeUpstream
):
    gateway = make_gateway(groups=[group(["KEY-A", "KEY-B"], upstream.url, auth="auto")])

    answers = [ask(gateway, path).status_code for path in (NATIVE, OPENAI, NATIVE, OPENAI)]

    assert answers == [200] * 4
    assert upstream.picked()[-2:] == ["KEY-A", "KEY-B"], "the rotation is not disturbed"
    two = [
        request
        for request in upstream.requests
        if len({n.lower() for n, _ in request.headers} & {b"authorization", b"x-goog-api-key"}) == 2
    ]
    assert 1 <= len(two) <= 2, "until the news is in, a second request may ask with two"
    assert gateway.output().count("refuses two credentials") == 1
    gateway.stop()
    upstream.reset()
    gateway.start()
    assert ask(gateway, NATIVE).status_code == 200
    assert len(upstream.requests) == 1, "remembered over a restart"


def test_other_refusals_are_not_taken_for_it(make_gateway: MakeGateway, upstream: FakeUpstream):
    gateway = make_gateway(groups=[group(["KEY-A"], upstream.url, auth="both")])

    async def refuse(request, connection):
        await connection.send(b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno")

    upstream.on("/refuse", refuse)

    assert (ask(gateway, "/refuse").status_code, len(upstream.requests)) == (400, 1)
