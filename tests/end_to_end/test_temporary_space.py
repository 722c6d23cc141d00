"""Long request bodies wait on disk, and a disk that does not take them costs a line, no key."""

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient, RawResponse, exchange, request_bytes
from tests.support.small_disk import MEGABYTE, mount, small_disk
from tests.support.waiting import wait_for

LONG = b"x" * (3 * MEGABYTE)
SHORT = b"x" * (MEGABYTE // 2)
PATHS = {"google": "/v1beta/models/gemini-2.5-flash:generateContent"}
PATHS["openai"] = "/v1beta/openai/chat/completions"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small") as directory:
        yield directory


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def send(gateway: Gateway, body: bytes, path: str = "/echo") -> RawResponse:
    return exchange(gateway.url, "POST", path, [], body)


def warnings(gateway: Gateway) -> list[str]:
    response = httpx.get(f"{gateway.url}/readyz", timeout=10, trust_env=False)
    assert response.status_code == 200
    found: list[str] = response.json()["warnings"]
    return found


def lines(gateway: Gateway, words: str) -> list[str]:
    return [line for line in gateway.output().splitlines() if words in line]


def test_long_bodies_wait_below_the_data_without_names(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(server=server)
    directory = gateway.directory / "var" / "tmp"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    with RawClient(gateway.url) as client:
        client.send(request_bytes("POST", "/echo", [("Content-Length", str(len(LONG)))]))
        client.send(LONG[: 2 * MEGABYTE])
        wait_for(lambda: is_open_in(gateway, directory))
        assert list(directory.iterdir()) == []
        gateway.kill()
    assert list(directory.iterdir()) == []
    gateway.start()
    assert (send(gateway, LONG).status, warnings(gateway)) == (200, [])


def is_open_in(gateway: Gateway, directory: Path) -> bool:
    for link in Path(f"/proc/{gateway.pid}/fd").iterdir():
        try:
            if str(link.readlink()).startswith(str(directory)):
                return True
        except OSError:
            continue
    return False


def test_a_full_disk_refuses_long_bodies_in_one_line(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, disk: Path
) -> None:
    gateway = make_gateway(server=server, env={"TMPDIR": str(disk)})
    for path in [*PATHS.values()] * 2:
        response = send(gateway, LONG, path)
        said = json.loads(response.body)["error"]
        assert (response.status, response.values("retry-after")) == (507, ["10"])
        assert "No space left on device" in said["message"]
        assert str(disk) not in said["message"]
        assert said.get("code") == ("insufficient_storage" if "openai" in path else 507)
    assert upstream.requests == []
    assert send(gateway, SHORT).status == 200
    assert any("temporary space" in warning for warning in warnings(gateway))
    [line] = lines(gateway, "could not be kept")
    assert str(disk) in line
    assert "free space there" in line
    assert lines(gateway, "Traceback") == []
    wait_for(lambda: gateway.keys()[0]["requests"] == 1)
    [key] = gateway.keys()
    assert (key["errors"], key["state"]) == (0, "available")


def test_the_start_says_where_room_is_missing(
    make_gateway: MakeGateway, upstream: FakeUpstream, disk: Path
) -> None:
    gateway = make_gateway(env={"TMPDIR": str(disk)})
    [line] = lines(gateway, "warning: request bodies of more than 1048576 bytes wait in")
    assert str(disk) in line
    assert "bytes free" in line
    assert "TMPDIR" in line


def test_a_body_in_chunks_is_refused_while_it_comes(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, disk: Path
) -> None:
    gateway = make_gateway(server=server, env={"TMPDIR": str(disk)})
    with RawClient(gateway.url) as client:
        client.send(request_bytes("POST", "/echo", [("Transfer-Encoding", "chunked")]))
        client.send(b"%x\r\n%b" % (len(LONG) + 1, LONG))  # and the rest never comes
        response = client.read_response()
        assert (response.status, response.values("connection")) == (507, ["close"])
    assert upstream.requests == []


def test_room_that_is_back_is_used(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, disk: Path
) -> None:
    gateway = make_gateway(
        server=server, env={"TMPDIR": str(disk), "MAX_BODY_BYTES": str(len(LONG))}
    )
    assert send(gateway, LONG).status == 507
    assert mount(disk, f"remount,size={8 * MEGABYTE}")
    assert send(gateway, LONG).status == 200
    assert len(lines(gateway, "again")) == 1
    assert warnings(gateway) == []


def test_a_disk_that_is_read_only_is_no_full_one(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str, disk: Path
) -> None:
    gateway = make_gateway(server=server, env={"TMPDIR": str(disk)})
    assert mount(disk, "remount,ro")
    for _ in range(3):
        assert send(gateway, LONG).status == 503
    assert send(gateway, SHORT).status == 200
    [line] = lines(gateway, "could not be kept")
    assert "Read-only file system" in line
    assert "mount it for writing" in line
    assert any("Read-only" in warning for warning in warnings(gateway))


def test_a_directory_that_was_cleared_away_is_made_anew(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(server=server)
    directory = gateway.directory / "var" / "tmp"
    shutil.rmtree(directory)
    assert send(gateway, LONG).status == 200
    shutil.rmtree(directory)
    directory.touch()
    assert send(gateway, LONG).status == 503
    assert "a file stands in the way" in lines(gateway, "could not be kept")[0]
    directory.unlink()
    assert send(gateway, LONG).status == 200
    assert lines(gateway, "Traceback") == []
