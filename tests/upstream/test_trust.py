"""Whom the gateway trusts: certificates are verified on every way.

A group can have authorities of its own.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack

import pytest
import uvloop

from proxyapp.pool.keys_and_groups import GroupFields, PoolGroup, pool_group
from proxyapp.upstream.upstreams import Upstreams, verifying_context
from proxyapp.vocabulary.errors import GatewayError, ProxyFailed, UpstreamFailed
from tests.conftest import MakeGateway
from tests.support.certificates import ELSEWHERE, NAMES, authority, pem, server_context
from tests.support.event_loops import BOTH_LOOPS
from tests.support.fake_upstream import Connection, FakeUpstream, Handler, Recorded
from tests.support.gateway import Gateway, group
from tests.support.proxies import HttpProxy, Socks5Proxy
from tests.support.raw_client import exchange
from tests.support.scripted_upstream import OK, ScriptedUpstream, answering
from tests.support.waiting import wait_for

pytestmark = BOTH_LOOPS
EXPIRED = ("expired", NAMES)
OTHER_HOST = ("elsewhere", ELSEWHERE)
Reach = Callable[[Upstreams, PoolGroup], Awaitable[int]]
WAYS = ["", "http", "https", "socks5h"]


@pytest.fixture
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    """The servers' event loop.

    TLS within TLS that fails is more than asyncio's own loop can take on Python 3.11.
    """
    policy: asyncio.AbstractEventLoopPolicy = uvloop.EventLoopPolicy()
    return policy


@pytest.fixture(scope="module")
def usual() -> ssl.SSLContext:
    return verifying_context()


@pytest.fixture
async def upstreams(usual: ssl.SSLContext) -> AsyncIterator[Upstreams]:
    made = Upstreams(usual)
    yield made
    await made.aclose()


@pytest.fixture
def proxies() -> Iterator[dict[str, str]]:
    """The URL of a proxy of each kind; that of no proxy is empty."""
    with ExitStack() as stack:
        http = stack.enter_context(HttpProxy())
        https = stack.enter_context(HttpProxy(tls=server_context()))
        socks = stack.enter_context(Socks5Proxy())
        yield {
            "": "",
            "http": http.url,
            "https": https.url,
            "socks5h": socks.url.replace("socks5:", "socks5h:"),
        }


def trusting(url: str, ca_certificates: str, proxy_url: str = "") -> PoolGroup:
    fields = GroupFields(
        1, "g", url, proxy_url or None, "google", False, ca_certificates=ca_certificates
    )
    return pool_group(fields)


async def fetched(upstreams: Upstreams, group: PoolGroup) -> int:
    response = await upstreams.ask(group, "POST", b"/", [])
    await response.aread()
    return response.status_code


class Leaving(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


async def dialled(upstreams: Upstreams, group: PoolGroup) -> int:
    """As for a Live session."""
    await upstreams.dial(group, Leaving)
    return 200


EITHER = pytest.mark.parametrize("reach", [fetched, dialled])


@EITHER
@pytest.mark.parametrize("way", WAYS)
async def test_an_authority_of_the_group_makes_its_target_trusted(
    upstreams: Upstreams, proxies: dict[str, str], way: str, reach: Reach
) -> None:
    async with ScriptedUpstream(answering(OK), tls=server_context()) as upstream:
        assert await reach(upstreams, trusting(upstream.url, authority(), proxies[way])) == 200


@EITHER
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("certificate", "ca_certificates", "words"),
    [
        pytest.param(pem("target"), "", "self-signed certificate", id="no authority"),
        pytest.param(
            pem("target"),
            authority(pem("other")),
            "self-signed certificate",
            id="another authority",
        ),
        pytest.param(pem(*OTHER_HOST), authority(pem(*OTHER_HOST)), "127.0.0.1", id="another host"),
        pytest.param(
            pem(*EXPIRED, days=-1), authority(pem(*EXPIRED, days=-1)), "expired", id="expired"
        ),
    ],
)
async def test_a_certificate_that_does_not_hold_is_a_502_and_nothing_is_sent(
    upstreams: Upstreams,
    proxies: dict[str, str],
    way: str,
    certificate: bytes,
    ca_certificates: str,
    words: str,
    reach: Reach,
) -> None:
    trusted = ca_certificates + (authority() if way == "https" else "")  # that of the proxy
    async with ScriptedUpstream(answering(OK), tls=server_context(certificate)) as upstream:
        with pytest.raises(UpstreamFailed, match=f"certificate refused: .*{words}") as caught:
            await reach(upstreams, trusting(upstream.url, trusted, proxies[way]))
        assert (caught.value.status, caught.value.is_sent) == (502, False)
        assert upstream.heads == []


@EITHER
async def test_a_proxy_with_tls_is_verified_too(
    upstreams: Upstreams, proxies: dict[str, str], reach: Reach
) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        with pytest.raises(ProxyFailed, match="certificate refused") as caught:
            await reach(upstreams, trusting(upstream.url, "", proxies["https"]))
        assert (caught.value.is_sent, upstream.accepted) == (False, 0)


async def test_the_trust_of_one_group_is_not_anothers(upstreams: Upstreams) -> None:
    """Not even where a connection of the first is open."""
    async with ScriptedUpstream(answering(OK, OK), tls=server_context()) as upstream:
        assert await fetched(upstreams, trusting(upstream.url, authority())) == 200
        with pytest.raises(UpstreamFailed, match="certificate refused"):
            await fetched(upstreams, trusting(upstream.url, ""))
        assert len(upstream.heads) == 1


async def test_certificates_that_are_none_are_an_error_of_the_group(upstreams: Upstreams) -> None:
    with pytest.raises(GatewayError, match="The CA certificates of group g are not PEM") as caught:
        await fetched(upstreams, trusting("https://127.0.0.1:9", "nothing"))
    assert not caught.value.is_sent


@pytest.mark.parametrize("ca_certificates", ["", authority()])
def test_verification_cannot_be_turned_off(
    ca_certificates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONHTTPSVERIFY", "SSL_NO_VERIFY", "CURL_INSECURE"):
        monkeypatch.setenv(name, "0")
    context = verifying_context(ca_certificates)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


REPOINT = """
from proxyapp.models import Group
from proxyapp.pool.cursor import raise_pool_version
Group.objects.filter(name="metadata").update(target_url="http://2852039166")
raise_pool_version()
"""


def test_groups_trust_what_the_config_file_says_and_reach_no_metadata(
    make_gateway: MakeGateway,
) -> None:
    with FakeUpstream(tls=server_context()) as secure:
        ca = {"ca_certificates": authority()}
        trusting = group(["KEY-trusting"], secure.url, "trusting", auth="google", **ca)
        wary = group(["KEY-wary"], secure.url, "wary")
        metadata = group(
            ["KEY-metadata"], "http://127.0.0.1:1", "metadata", rate_limit_policy="quota_aware"
        )
        gateway = make_gateway(groups=[trusting, wary, metadata])
        assert gateway.manage("shell", "-c", REPOINT).returncode == 0

        assert exchange(gateway.url, "POST", "/g/trusting/echo", [], b"{}").status == 200
        refused = exchange(gateway.url, "POST", "/g/wary/echo", [], b"{}")
        assert (refused.status, b"certificate refused" in refused.body) == (502, True)
        wait_for(
            lambda: (
                b"cloud metadata"
                in exchange(gateway.url, "POST", "/g/metadata/echo", [], b"{}").body
            )
        )
        refused = exchange(gateway.url, "POST", "/g/metadata/echo", [], b"{}")
        assert (refused.status, b"allow_link_local: true" in refused.body) == (502, True)
        assert len(secure.requests) == 1
        assert [key["state"] for key in gateway.keys()] == ["available"] * 3


def test_no_redirect_is_followed_and_no_key_goes_where_it_leads(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    with FakeUpstream() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            location = f"{elsewhere.url}/stolen"
            google.on("/moved", _redirecting(status, location))
            for method in ("GET", "POST"):
                answer = exchange(shared_gateway.url, method, "/moved")
                assert (answer.status, answer.values("location")) == (status, [location])
        assert elsewhere.requests == []
        assert elsewhere.connections_made == 0


def _redirecting(status: int, location: str) -> Handler:
    async def handler(request: Recorded, connection: Connection) -> None:
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        await connection.send(head.encode())

    return handler
