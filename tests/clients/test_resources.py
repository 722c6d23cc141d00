"""Real clients make what belongs to a key, where keys of several projects take turns.

Rotation alone would send every further request to a key that does not have it.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest

from tests.clients.resource_rows import RESOURCE_ROWS, ResourceRow
from tests.clients.running import said_by
from tests.clients.table import GATEWAY
from tests.conftest import MakeGateway
from tests.support.fake_gemini import TEXT
from tests.support.fake_ownership import OwnedStore
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.gateway_tokens import make_tokens

pytestmark = pytest.mark.clients

PROJECTS = {"KEY-A": "one", "KEY-B": "one", "KEY-C": "two", "KEY-D": "three"}
PLANTED = {"of-one": "KEY-A", "of-two": "KEY-C", "of-three": "KEY-D"}
COLLECTIONS = (
    *("files", "cachedContents", "batches", "fileSearchStores"),
    *("openai/files", "openai/batches"),
)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream(keys=PROJECTS, projects=PROJECTS) as google:
        yield google


def plant(store: OwnedStore) -> None:
    """Something of every project in every collection."""
    for one, key in PLANTED.items():
        for collection in COLLECTIONS:
            store.plant(key, f"{collection}/{one}", {"id": one} if "openai/" in collection else {})


def is_as_asked(line: dict[str, Any], row: ResourceRow, others: Collection[str]) -> bool:
    """`others`: what lists show besides what was made, without the collection."""
    said = line.get("said")
    if not said:
        return False
    is_done = (said.get("said", TEXT), said.get("is_there", True)) == (TEXT, True)
    return is_done and said.get("size") == row.calls[line["step"]] and lists_all(said, others)


def lists_all(said: dict[str, Any], others: Collection[str]) -> bool:
    """Each once, and what was made until it is deleted."""
    seen, left = said.get("seen", []), said.get("left")
    collection = seen[0].rpartition("/")[0] if seen else ""
    kept = sorted(f"{collection}/{other}" for other in others)
    new = [name for name in said["made"] if name.rpartition("/")[0] == collection]
    is_whole = not seen or sorted(seen) == sorted([*kept, *new])
    return is_whole and (left is None or sorted(left) == kept)


def wrong_projects(store: OwnedStore, said: dict[str, Any]) -> list[str]:
    """What keys of more projects than the one that made it were asked for."""
    return [
        name
        for name in said["made"]
        if len({touch.project for touch in store.touches if touch.name == name}) != 1
    ]


def burnt(gateway: Gateway) -> list[Any]:
    return [key for key in gateway.keys() if key["state"] != "available" or key["cooldowns"]]


@pytest.fixture
def start(make_gateway: MakeGateway) -> Callable[[str], Gateway]:
    """Starts a gateway with keys of several projects, named after their projects."""
    keys = [
        {"key": key, "name": f"key of {project} ({key[-1]})", "project": project}
        for key, project in PROJECTS.items()
    ]
    return lambda server: make_gateway(keys, rate_limit_policy="quota_aware", server=server)


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
@pytest.mark.parametrize("row", RESOURCE_ROWS, ids=lambda row: row.client.program)
def test_what_a_client_makes_stays_with_its_key(
    row: ResourceRow, server: str, start: Callable[[str], Gateway], upstream: FakeUpstream
) -> None:
    gateway = start(server)
    store = upstream.resources.store
    plant(store)
    url = row.client.url.replace(GATEWAY, gateway.url)

    lines = said_by(row.client, [step(call, url=url) for call in row.calls])

    assert [line for line in lines if not is_as_asked(line, row, PLANTED)] == []
    assert [line["step"] for line in lines] == list(row.calls)
    assert store.strangers == []
    assert [name for line in lines for name in wrong_projects(store, line["said"])] == []
    assert burnt(gateway) == []
    assert set(upstream.picked()) <= PROJECTS.keys(), "nothing went past the gateway"


@pytest.mark.parametrize("row", RESOURCE_ROWS, ids=lambda row: row.client.program)
def test_a_client_with_a_token_sees_what_the_token_made(
    row: ResourceRow, start: Callable[[str], Gateway], upstream: FakeUpstream
) -> None:
    """The chunks of an upload show no token in some: their address is one."""
    gateway = start("uvicorn")
    variables = environment_with(make_tokens(gateway, {"one": {}})["one"], row, gateway)
    plant(upstream.resources.store)

    lines = said_by(row.client, [step("file", url="")], variables)

    assert [line for line in lines if not is_as_asked(line, row, [])] == []
    assert len(lines) == 1


def step(call: str, *, url: str, model: str = "gemini-2.5-flash") -> dict[str, str]:
    return {"url": url, "model": model, "step": call, "call": call}


def environment_with(token: str, row: ResourceRow, gateway: Gateway) -> dict[str, str]:
    return {
        name: token if value == "any" else value.replace(GATEWAY, gateway.url)
        for name, value in row.client.environment.items()
    }


OF_GOOGLE = [row for row in RESOURCE_ROWS if "video" in row.calls]


@pytest.mark.parametrize("row", OF_GOOGLE, ids=lambda row: row.client.program)
def test_another_tokens_file_is_not_there(
    row: ResourceRow, start: Callable[[str], Gateway], upstream: FakeUpstream
) -> None:
    gateway = start("daphne")
    tokens = make_tokens(gateway, {"one": {}, "two": {}})
    mine, others = (environment_with(tokens[name], row, gateway) for name in ("one", "two"))
    [made] = said_by(row.client, [step("make", url="")], mine)
    asked = len(upstream.requests)

    [refused] = said_by(row.client, [step("use", url="", model=made["said"])], others)
    [used] = said_by(row.client, [step("use", url="", model=made["said"])], mine)

    assert "404" in refused["error"]
    assert made["said"] in refused["error"]
    assert used["said"] == TEXT
    assert len(upstream.requests) == asked + 1, "no key was asked for what is another's"


@pytest.mark.parametrize("row", OF_GOOGLE, ids=lambda row: row.client.program)
def test_a_client_is_told_whose_key_rests(
    row: ResourceRow, start: Callable[[str], Gateway], upstream: FakeUpstream
) -> None:
    gateway = start("uvicorn")
    [made] = said_by(row.client, [step("make", url=gateway.url)])
    [key] = upstream.resources.store.keys_that("make", made["said"])
    for each in PROJECTS:
        if PROJECTS[each] == PROJECTS[key]:
            upstream.refuse(each, body="429_free_rpm_10_msg_without_model")

    [refused] = said_by(row.client, [step("use", url=gateway.url, model=made["said"])])

    assert "429" in refused["error"]
    assert made["said"] in refused["error"]
    assert f"key of {PROJECTS[key]}" in refused["error"]
    assert upstream.resources.store.strangers == []
