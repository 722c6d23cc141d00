"""A key that is deleted and added again, and so has another id, has what it made."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
import yaml

from tests.support.chosen_database import needs_sqlite
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.upload_client import UploadClient, only_upload
from tests.support.waiting import wait_for

KEYS = ("KEY-A", "KEY-B")
OTHERS = ("KEY-C", "KEY-D")


class Pool:
    """A gateway whose config file says other keys now and then."""

    def __init__(self, gateway: Gateway, upstream: FakeUpstream) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.ids: list[set[int]] = [self.key_ids()]

    def make(self) -> str:
        answer = httpx.post(self.gateway.url + "/v1beta/files", json={"file": {}}, trust_env=False)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["file"]["name"])

    def status(self, name: str) -> int:
        return httpx.get(f"{self.gateway.url}/v1beta/{name}", trust_env=False).status_code

    def key_ids(self) -> set[int]:
        return {row["id"] for row in self.gateway.keys()}

    def import_keys(self, *keys: str) -> None:
        """Those alone; each in every process when this returns."""
        path = self.gateway.config_path
        path.write_text(yaml.safe_dump({"groups": [keyed(self.upstream, *keys)]}))
        done = self.gateway.manage("import_config", str(path), "--prune")
        assert done.returncode == 0, done.stderr

    def change_keys(self, name: str) -> None:
        """The file's key leaves, and comes again with another id."""
        self.import_keys(*OTHERS)
        wait_for(lambda: self.status(name) == 503)
        self.import_keys(*KEYS)
        assert not self.key_ids() & self.ids[0]


def keyed(upstream: FakeUpstream, *keys: str) -> dict[str, object]:
    return group(list(keys), upstream.url, "g", auth="google")


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    keys = {key: key for key in (*KEYS, *OTHERS)}
    with FakeUpstream(strict=True, keys=keys, projects=keys) as running:
        yield running


@pytest.fixture(params=["daphne", "uvicorn"])
def pool(request: pytest.FixtureRequest, upstream: FakeUpstream) -> Iterator[Pool]:
    workers = ["--workers", "2"] if request.param == "uvicorn" else []
    config = {"groups": [keyed(upstream, *KEYS)]}
    with Gateway(config, server=request.param, args=workers) as gateway:
        yield Pool(gateway, upstream)


def test_it_is_theirs_again_in_every_process_and_after_a_restart(pool: Pool) -> None:
    names = [pool.make() for _ in range(4)]
    pool.change_keys(names[0])

    wait_for(lambda: [pool.status(name) for name in names * 2] == [200] * 8)
    assert pool.gateway.stop() == 0
    pool.gateway.start()
    assert [pool.status(name) for name in names] == [200] * 4
    assert pool.upstream.resources.store.strangers == []


def test_what_is_deleted_with_the_key_of_now_is_forgotten(pool: Pool) -> None:
    name = pool.make()
    pool.change_keys(name)
    # Each process has seen the change.
    wait_for(lambda: [pool.status(name) for _ in range(8)] == [200] * 8)
    url = f"{pool.gateway.url}/v1beta/{name}"

    assert httpx.delete(url, trust_env=False).status_code == 200
    wait_for(lambda: pool.status(name) == 403)
    assert len(pool.upstream.resources.store.strangers) >= len(KEYS) - 1


def test_an_upload_goes_on_with_the_key_of_now(pool: Pool) -> None:
    pool.upstream.resources.uploads.granularity = 1
    name = pool.make()
    with UploadClient(pool.gateway.url) as client:
        url = client.begin()
        pool.change_keys(name)
        wait_for(lambda: pool.status(name) == 200)
        wait_for(lambda: client.part(url, b"").status_code == 200)
        assert client.parts(url, b"abcd", 2).status_code == 200

    assert only_upload(pool.upstream).content == b"abcd"


@needs_sqlite("needs SQLite: its file is locked")
@pytest.mark.parametrize("pool", ["daphne"], indirect=True)
def test_what_was_made_in_an_outage_is_theirs_too(pool: Pool) -> None:
    path = pool.gateway.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        names = [pool.make() for _ in range(2)]
    readiness = pool.gateway.url + "/readyz"
    wait_for(lambda: httpx.get(readiness, trust_env=False).json()["spooled"] == 0, 40)
    pool.change_keys(names[0])

    wait_for(lambda: [pool.status(name) for name in names] == [200] * 2)
