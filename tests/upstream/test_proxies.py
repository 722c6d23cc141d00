"""The ways through real proxies, and that nobody goes around them.

What a proxy is asked for, and what the upstream sees.
"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from typing import Any

import httpx
import pytest

from proxyapp.upstream.origin import Proxy
from proxyapp.upstream.transport import is_request_sent
from tests.support.certificates import server_context
from tests.support.event_loops import BOTH_LOOPS, event_loop_policy
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy, ProxyServer, Socks5Proxy
from tests.support.scripted_upstream import OK, SECONDS, Peer, ScriptedUpstream, answering
from tests.support.transports import MakeTransport, body_of, fetch, send

__all__ = ["event_loop_policy"]

pytestmark = BOTH_LOOPS
KINDS = ["http", "https", "socks5", "socks5h"]


class StartProxy:
    """Makes proxies of a kind that end with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, kind: str, **options: Any) -> tuple[ProxyServer, str]:
        """The proxy and its URL."""
        tls = server_context() if kind == "https" else None
        server = Socks5Proxy if kind.startswith("socks") else HttpProxy
        proxy = self._stack.enter_context(server(tls=tls, **options))
        return proxy, proxy.url.replace("socks5:", f"{kind}:")


@pytest.fixture
def start_proxy() -> Iterator[StartProxy]:
    with ExitStack() as stack:
        yield StartProxy(stack)


def local_url(upstream: ScriptedUpstream) -> str:
    """A name instead of an address, so that it shows who resolves it."""
    return upstream.url.replace("127.0.0.1", "localhost")


# Through.


@pytest.mark.parametrize("is_tls", [True, False])
@pytest.mark.parametrize("kind", KINDS)
async def test_requests_pass_through_a_proxy_with_a_password(
    make_transport: MakeTransport, start_proxy: StartProxy, kind: str, is_tls: bool
) -> None:
    async with ScriptedUpstream(
        answering(OK, OK), tls=server_context() if is_tls else None
    ) as upstream:
        proxy, url = start_proxy(
            kind, username="us:er", password="p@ss/wö%rd" if "http" in kind else "p@ss/w%rd"
        )
        transport = make_transport(proxy_url=url)
        for target in (b"/first?a=%2F", b"/second"):
            assert await fetch(transport, local_url(upstream), "POST", b"abc", target=target) == (
                200,
                b"ok",
            )
        head = (
            b"POST /first?a=%%2F HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 3\r\n\r\n"
            % upstream.port
        )
        assert upstream.heads[0] == head
        assert upstream.accepted == 1
        await transport.aclose()
        await asyncio.to_thread(proxy.wait_for_connections, 0)


@pytest.mark.parametrize("kind", ["http", "https"])
async def test_a_tunnel_is_asked_for_with_the_name_and_the_credentials(
    make_transport: MakeTransport, start_proxy: StartProxy, kind: str
) -> None:
    async with ScriptedUpstream(answering(OK), tls=server_context()) as upstream:
        proxy, url = start_proxy(kind, username="u", password="p")
        await fetch(make_transport(proxy_url=url), local_url(upstream))
        (seen,) = proxy.connections
        authority = f"localhost:{upstream.port}"
        assert (seen.method, seen.target) == ("CONNECT", authority)
        assert seen.headers == (("Host", authority), ("Proxy-Authorization", "Basic dTpw"))
        assert b"roxy" not in upstream.heads[0]


@pytest.mark.parametrize("kind", ["http", "https"])
async def test_plain_requests_are_forwarded_in_absolute_form_on_one_connection(
    make_transport: MakeTransport, start_proxy: StartProxy, kind: str
) -> None:
    async with ScriptedUpstream(answering(OK, OK)) as upstream:
        proxy, url = start_proxy(kind, username="u", password="p")
        transport = make_transport(proxy_url=url)
        for target in (b"/a%2Fb?c", b"//d"):
            assert await fetch(transport, upstream.url, target=target) == (200, b"ok")
        assert [seen.target for seen in proxy.connections] == [
            upstream.url + "/a%2Fb?c",
            upstream.url + "//d",
        ]
        assert {seen.value("proxy-authorization") for seen in proxy.connections} == {"Basic dTpw"}
        assert proxy.connections_made == 1


@pytest.mark.parametrize(("kind", "is_name"), [("socks5", False), ("socks5h", True)])
async def test_who_resolves_the_name_is_in_the_scheme(
    make_transport: MakeTransport, start_proxy: StartProxy, kind: str, is_name: bool
) -> None:
    async with ScriptedUpstream(answering(OK), tls=server_context()) as upstream:
        proxy, url = start_proxy(kind)
        await fetch(make_transport(proxy_url=url), local_url(upstream))
        (seen,) = proxy.connections
        assert seen.is_name == is_name
        assert seen.target == f"{'localhost' if is_name else '127.0.0.1'}:{upstream.port}"


async def test_an_address_of_version_6_is_bracketed(
    make_transport: MakeTransport, start_proxy: StartProxy
) -> None:
    for kind, scheme in (("http", "https"), ("http", "http"), ("socks5", "http")):
        proxy, url = start_proxy(kind, refusal=1 if kind == "socks5" else 403)
        transport = make_transport(proxy_url=url)
        with (
            pytest.raises(httpx.ProxyError) if (kind, scheme) != ("http", "http") else nullcontext()
        ):
            await send(transport, f"{scheme}://[::1]:9")
        (seen,) = proxy.connections
        expected = (
            {"https": "[::1]:9", "http": "http://[::1]:9/"}[scheme] if kind == "http" else "::1:9"
        )
        assert seen.target == expected


async def test_a_stream_passes_a_proxy_chunk_by_chunk(
    make_transport: MakeTransport, start_proxy: StartProxy
) -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await go.wait()
        await peer.send(b"1\r\nb\r\n0\r\n\r\n")

    async with ScriptedUpstream(script, tls=server_context()) as upstream:
        _, url = start_proxy("https")
        response = await send(make_transport(proxy_url=url), upstream.url)
        stream: Any = response.stream
        assert await asyncio.wait_for(anext(stream), SECONDS) == b"a"
        go.set()
        assert await body_of(response) == b"b"


# A proxy that fails.


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_that_is_down_is_named_without_its_password_and_not_passed_by(
    make_transport: MakeTransport, kind: str, scheme: str
) -> None:
    port = free_port()
    async with ScriptedUpstream(answering(OK)) as upstream:
        url = f"{scheme}://{upstream.host}"
        with pytest.raises(httpx.ProxyError) as caught:
            await send(make_transport(proxy_url=f"{kind}://user:SECRET@127.0.0.1:{port}"), url)
        assert (
            str(caught.value)
            == f"proxy 127.0.0.1:{port}: cannot connect to the proxy: Connection refused"
        )
        assert not is_request_sent(caught.value)
        assert upstream.accepted == 0


@pytest.mark.parametrize("password", ["WRONG", None])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_wrong_or_missing_password_is_a_proxy_error(
    make_transport: MakeTransport,
    start_proxy: StartProxy,
    kind: str,
    scheme: str,
    password: str | None,
) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        proxy, _ = start_proxy(kind, username="user", password="SECRET")
        given = proxy.url_with("user" if password else None, password).replace(
            "socks5:", f"{kind}:"
        )
        with pytest.raises(httpx.ProxyError, match="proxy refused: ") as caught:
            await send(
                make_transport(proxy_url=given), f"{scheme}://{upstream.host}", target=b"/?key=KEY"
            )
        assert proxy.host in str(caught.value)
        assert not {"SECRET", "WRONG", "KEY", "user:"} & set(str(caught.value).split())
        assert str(caught.value).endswith("refused: 407") == (proxy.scheme != "socks5")
        assert upstream.accepted == 0
        await asyncio.to_thread(proxy.wait_for_connections, 0)


@pytest.mark.parametrize(
    ("kind", "refusal", "words"),
    [
        ("http", 502, "proxy refused: 502"),
        ("https", 403, "proxy refused: 403"),
        ("socks5", 5, "proxy refused: Connection refused by destination host"),
        ("socks5h", 4, "proxy refused: Host unreachable"),
    ],
)
async def test_what_a_proxy_says_is_in_the_error(
    make_transport: MakeTransport, start_proxy: StartProxy, kind: str, refusal: int, words: str
) -> None:
    _, url = start_proxy(kind, refusal=refusal)
    with pytest.raises(httpx.ProxyError, match=words) as caught:
        await send(make_transport(proxy_url=url), "https://localhost:9")
    assert not is_request_sent(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_that_says_nothing_is_a_timeout(
    make_transport: MakeTransport, start_proxy: StartProxy, kind: str, scheme: str
) -> None:
    proxy, url = start_proxy(kind, is_silent=True)
    is_forwarded = scheme == "http" and proxy.scheme != "socks5"
    with pytest.raises(httpx.ReadTimeout if is_forwarded else httpx.ConnectTimeout) as caught:
        await send(
            make_transport(proxy_url=url, connect_timeout=0.3, read_timeout=0.3),
            f"{scheme}://localhost:9",
        )
    assert is_request_sent(caught.value) == is_forwarded
    await asyncio.to_thread(proxy.wait_for_connections, 0)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nearly", b"x" * 100_000]
)
async def test_a_proxy_that_answers_nonsense_is_a_proxy_error(
    make_transport: MakeTransport, answer: bytes
) -> None:
    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(answer)

    async with ScriptedUpstream(script) as proxy:
        with pytest.raises(httpx.ProxyError, match="proxy 127"):
            await send(make_transport(proxy_url=proxy.url), "https://localhost:9")
        await proxy.wait_for_open(0)


@pytest.mark.parametrize("answer", [b"\5", b"\5\2", b"HTTP/1.1 400 Bad\r\n\r\n"])
async def test_a_socks_proxy_that_answers_nonsense_is_a_proxy_error(
    make_transport: MakeTransport, answer: bytes
) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readexactly(3)
        await peer.send(answer)

    async with ScriptedUpstream(script) as proxy:
        with pytest.raises(httpx.ProxyError, match="proxy 127"):
            await send(make_transport(proxy_url=f"socks5://{proxy.host}"), "http://localhost:9")
        await proxy.wait_for_open(0)


async def test_an_untrusted_upstream_behind_a_proxy_is_a_connect_error(
    make_transport: MakeTransport, start_proxy: StartProxy
) -> None:
    async with ScriptedUpstream(answering(OK), tls=server_context()) as upstream:
        proxy, url = start_proxy("http")
        transport = make_transport(proxy_url=url, ssl_context=ssl.create_default_context())
        with pytest.raises(httpx.ConnectError, match="certificate refused") as caught:
            await send(transport, upstream.url)
        assert not is_request_sent(caught.value)
        await asyncio.to_thread(proxy.wait_for_connections, 0)


async def test_cancellation_within_a_handshake_closes_the_connection(
    make_transport: MakeTransport, start_proxy: StartProxy
) -> None:
    for kind in KINDS:
        proxy, url = start_proxy(kind, is_silent=True)
        task = asyncio.ensure_future(send(make_transport(proxy_url=url), "https://localhost:9"))
        await asyncio.to_thread(proxy.wait_for_connections, 1)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.to_thread(proxy.wait_for_connections, 0, 1)
        assert task.cancelled()


async def test_a_proxy_from_the_environment_is_ignored(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with ScriptedUpstream(answering(OK)) as upstream:
        assert await fetch(make_transport(), upstream.url) == (200, b"ok")


@pytest.mark.parametrize("password", ["x" * 256, "ö"])
async def test_a_password_that_socks_cannot_take_is_a_proxy_error(
    make_transport: MakeTransport, start_proxy: StartProxy, password: str
) -> None:
    _, url = start_proxy("socks5", username="user", password=password)
    with pytest.raises(httpx.ProxyError, match="SOCKS5 takes no such") as caught:
        await send(make_transport(proxy_url=url), "https://localhost:9")
    assert password not in str(caught.value)


# The URL.


def test_a_proxy_url_is_decoded() -> None:
    proxy = Proxy.parse("SOCKS5H://a%40b:c%3Ad%2F@[::1]")
    assert proxy == Proxy("socks5h", "::1", 1080, "a@b", "c:d/")
    assert proxy.authority == "[::1]:1080"
    assert "c:d" not in repr(proxy)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host",
        "http://",
        "host:1080",
        "http://user:SECRET",
        "http://u:SECRET@host:x",
        "http://[SECRET",
    ],
)
def test_a_bad_proxy_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match="a proxy's URL is") as caught:
        Proxy.parse(url)
    assert "SECRET" not in str(caught.value)
