"""Behind nginx and Caddy with the files of deploy/: streams, Live sessions, clients, HTTP/2."""

import itertools
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from websockets.sync.client import connect

from tests.support.deployed_fronts import SITES, TWO, deployed, settings_of
from tests.support.fake_live import LIVE, SETUP, FakeLive
from tests.support.fake_upstream import FakeUpstream
from tests.support.fronts import any_certificate
from tests.support.gateway import Gateway, group
from tests.support.live_clients import READY
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
PLAIN = "/g/main/v1beta/models/gemini-2.5-flash:generateContent"
# The gateway of each site, and the second one of two: their servers and what they are called.
SERVERS = {"gateway": "daphne", "below-a-path": "uvicorn", TWO: "uvicorn"}
FRONTS = [*itertools.product(("nginx", "caddy"), SITES), ("caddy", TWO)]
# A client of another address than the front has, though both are this machine's.
CLIENT = "127.0.0.2"


@dataclass(frozen=True)
class Front:
    gateways: Sequence[Gateway]
    host: str
    port: int
    prefix: str

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}{self.prefix}"

    def asked(self, path: str, *options: str) -> "subprocess.Popen[bytes]":
        """By curl, in HTTP/2, from CLIENT. Its output comes as the answer does."""
        address = f"{self.host}:{self.port}:127.0.0.1"
        command = ["curl", "-sS", "-k", "-N", "--http2", "--interface", CLIENT, "--max-time", "20"]
        own = ["--resolve", address, "-w", "\nHTTP/%{http_version} %{http_code}", *options]
        return subprocess.Popen([*command, *own, self.url + path], stdout=subprocess.PIPE)


@pytest.fixture(scope="module")
def live() -> Iterator[FakeLive]:
    with FakeLive() as server:
        yield server


@pytest.fixture(scope="module")
def gateways(shared_upstream: FakeUpstream, live: FakeLive) -> Iterator[dict[str, Gateway]]:
    """By the site's name, with the settings that both fronts' files tell."""
    with ExitStack() as stack:
        yield {
            site: stack.enter_context(gateway_of(site, shared_upstream.url, live.url))
            for site in SERVERS
        }


def gateway_of(site: str, upstream: str, live: str) -> Gateway:
    """Its key is called as it is."""
    groups = [
        group([f"KEY-{site}"], upstream, "main", auth="google"),
        group(["KEY-LIVE"], live, "live", auth="google"),
    ]
    settings = {**settings_of("nginx", site if site in SITES else "gateway"), "ACCESS_LOG": "true"}
    return Gateway({"groups": groups}, server=SERVERS[site], env=settings)


@pytest.fixture(scope="module", params=FRONTS, ids=" ".join)
def front(request: pytest.FixtureRequest, gateways: dict[str, Gateway]) -> Iterator[Front]:
    name, site = request.param
    first = "gateway" if site == TWO else site
    settings = settings_of(name, first)
    assert settings == settings_of("nginx", first)
    those = [gateways[each] for each in dict.fromkeys((first, site))]
    with deployed(name, site, SITES[first], [each.port for each in those]) as port:
        yield Front(those, SITES[first], port, settings.get("PATH_PREFIX", ""))


def test_a_stream_comes_as_it_is_written_over_http_2(front: Front, google: FakeUpstream) -> None:
    held = google.held_stream(STREAM)
    held.send(b"data: 1\r\n\r\n")
    with front.asked(f"/g/main{STREAM}", "-d", "{}") as client:
        assert client.stdout
        first = os.read(client.stdout.fileno(), 1000)
        held.send(b"data: 2\r\n\r\n")
        second = os.read(client.stdout.fileno(), 1000)
        held.finish()
        rest = client.stdout.read()

    assert (first, second) == (b"data: 1\r\n\r\n", b"data: 2\r\n\r\n")
    assert rest == b"\nHTTP/2 200"


def test_a_client_that_leaves_ends_the_upstreams_answer(front: Front, google: FakeUpstream) -> None:
    held = google.held_stream(STREAM)
    held.send(b"data: 1\r\n\r\n")
    with front.asked(f"/g/main{STREAM}", "-d", "{}") as client:
        assert client.stdout
        os.read(client.stdout.fileno(), 1000)
        client.kill()

    assert held.client_gone.wait(10)


def test_a_live_session_passes(front: Front) -> None:
    with connect(
        front.url.replace("https", "wss", 1) + f"/g/live{LIVE}",
        ssl=any_certificate(),
        proxy=None,
        address=("127.0.0.1", front.port),
    ) as session:
        session.send(SETUP)
        assert session.recv(15) == READY


def test_a_client_is_known_by_its_own_address(front: Front, google: FakeUpstream) -> None:
    told = f"address={CLIENT} "
    before = said(front).count(told)
    with front.asked("/g/main/v1beta/models", "-H", "X-Forwarded-For: 198.51.100.9") as client:
        answer, _ = client.communicate()

    assert answer.endswith(b"HTTP/2 200")
    wait_for(lambda: said(front).count(told) > before)
    assert "198.51.100.9" not in said(front)


def said(front: Front) -> str:
    return "".join(gateway.output() for gateway in front.gateways)


def test_the_admin_knows_its_scheme_and_its_path(front: Front) -> None:
    with front.asked("/admin/", "-D", "-", "-o", os.devnull) as client:
        head, _ = client.communicate()
    with front.asked("/admin/login/", "-D", "-", "-o", os.devnull) as client:
        page, _ = client.communicate()

    assert f"location: {front.prefix}/admin/login/".encode() in head
    assert page.endswith(b"HTTP/2 200")
    assert b"; Secure" in page


@pytest.mark.parametrize("front", [("caddy", TWO)], ids=" ".join, indirect=True)
@pytest.mark.parametrize("end", ["stops", "dies"])
def test_the_other_of_two_gateways_serves_when_one(
    front: Front, google: FakeUpstream, end: str
) -> None:
    """It finishes what it has begun, and what was begun by one that died is not sent again."""
    held = google.held_stream(STREAM)
    held.send(b"data: 1\r\n\r\n")
    with front.asked(f"/g/main{STREAM}", "-d", "{}") as client:
        assert client.stdout
        first = os.read(client.stdout.fileno(), 1000)
        key = google.last.key
        leaver = front.gateways[key == f"KEY-{TWO}"]
        if end == "stops":
            leaver.signal(signal.SIGTERM)
        else:
            leaver.kill()
        # Debian's Caddy loses the body of what it sends a second time, until it knows.
        wait_for(lambda: all(is_answered(front) for _ in range(9)), 60)
        held.send(b"data: 2\r\n\r\n")
        held.finish()
        rest = client.stdout.read()
    leaver.wait()
    leaver.start()

    assert first == b"data: 1\r\n\r\n"
    assert rest.startswith(b"data: 2") == (end == "stops")
    assert google.picked().count(str(key)) == 1


def is_answered(front: Front) -> bool:
    with front.asked(PLAIN, "-d", "{}") as client:
        return client.communicate()[0].endswith(b"HTTP/2 200")
