"""Addresses that no request with a key goes to, in every spelling, as written and as dialled."""

import socket
from ipaddress import ip_address

import httpx
import pytest

from proxyapp.upstream import sockets
from proxyapp.upstream.sockets import Address, host_of
from proxyapp.upstream.transport import is_request_sent
from proxyapp.vocabulary.forbidden_addresses import problem_of, problem_of_address
from tests.support.addresses import tcp_address
from tests.support.proxies import HttpProxy, Socks5Proxy
from tests.support.scripted_upstream import OK, ScriptedUpstream, answering
from tests.support.transports import MakeTransport, fetch, send

pytestmark = pytest.mark.usefixtures("no_sockets_left")

METADATA = "169.254.169.254"
SPELLINGS = [
    METADATA,
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:7:a9:fea9:fe00:0",
    "::ffff:0:169.254.169.254",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "instance-data",
]
NO_HOSTS = [
    "0.0.0.0",
    "0",
    "0.1.2.3",
    "::",
    "::ffff:0.0.0.0",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
]
FINE = [
    "127.0.0.1",
    "::1",
    "localhost",
    "10.0.0.8",
    "192.168.1.1",
    "172.16.0.1",
    "fd00::1",
    "100.100.100.201",
    "169.253.255.255",
    "generativelanguage.googleapis.com",
    "metadata.example.com",
    "2001:db8::1",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_metadata_and_link_local_hosts_are_refused_in_any_spelling_unless_allowed(
    host: str,
) -> None:
    assert "allow_link_local: true" in (problem_of(host, is_link_local_allowed=False) or "")
    assert problem_of(host, is_link_local_allowed=True) is None


@pytest.mark.parametrize("host", NO_HOSTS)
def test_what_is_no_host_is_refused_always(host: str) -> None:
    for is_allowed in (False, True):
        assert "127.0.0.1" in (problem_of(host, is_link_local_allowed=is_allowed) or "")


@pytest.mark.parametrize("host", FINE)
def test_public_private_and_loopback_hosts_are_fine(host: str) -> None:
    assert problem_of(host, is_link_local_allowed=False) is None


def test_the_address_of_teredo_counts() -> None:
    inverted = int(ip_address(METADATA)) ^ 0xFFFFFFFF
    address = ip_address((0x20010000 << 96) | inverted)
    assert problem_of_address(address, is_link_local_allowed=False)


# As it is dialled.


def resolve_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> list[str]:
    """What the name server says; the names that it was asked for."""
    asked = []

    async def resolve(host: str, port: int) -> list[Address]:
        if host == "127.0.0.1":
            return [tcp_address(host, port)]
        asked.append(host)
        return [tcp_address(address, port) for address in hosts]

    monkeypatch.setattr(sockets, "_resolve", resolve)
    return asked


async def test_a_name_that_leads_to_metadata_is_refused_when_it_is_dialled(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, METADATA)
    with pytest.raises(
        httpx.ConnectError, match="the host is a link-local or cloud metadata address"
    ) as caught:
        await send(make_transport(), "http://innocent.example:9")
    assert (asked, is_request_sent(caught.value)) == (["innocent.example"], False)


async def test_a_name_that_leads_to_metadata_next_time_is_refused_next_time(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        transport = make_transport(keepalive_seconds=0)
        url = f"http://rebound.example:{upstream.port}"
        resolve_to(monkeypatch, "127.0.0.1")
        assert await fetch(transport, url) == (200, b"ok")
        resolve_to(monkeypatch, METADATA)
        with pytest.raises(httpx.ConnectError, match="metadata"):
            await send(transport, url)


async def test_of_several_addresses_only_the_harmless_ones_are_dialled(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        resolve_to(monkeypatch, METADATA, "127.0.0.1")
        assert await fetch(make_transport(), f"http://mixed.example:{upstream.port}") == (
            200,
            b"ok",
        )


async def test_what_is_allowed_is_dialled(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled: list[str] = []

    async def start_connection(addresses: list[Address], **_: float) -> socket.socket:
        dialled.extend(host_of(address) for address in addresses)
        raise ConnectionRefusedError

    monkeypatch.setattr(sockets, "start_connection", start_connection)
    with pytest.raises(httpx.ConnectError):
        await send(make_transport(is_link_local_allowed=True), f"http://{METADATA}")
    assert dialled == [METADATA]


@pytest.mark.parametrize("kind", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize(
    "url", ["https://metadata.google.internal", f"http://{METADATA}", "http://2852039166"]
)
async def test_no_proxy_is_asked_for_metadata(
    make_transport: MakeTransport, kind: str, url: str
) -> None:
    with Socks5Proxy() if kind.startswith("socks") else HttpProxy() as proxy:
        transport = make_transport(proxy_url=proxy.url.replace("socks5:", f"{kind}:"))
        with pytest.raises(httpx.ConnectError, match="metadata") as caught:
            await send(transport, url)
        assert (proxy.connections_made, is_request_sent(caught.value)) == (0, False)


async def test_a_name_that_is_resolved_here_for_a_proxy_is_refused_too(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Socks5Proxy() as proxy:
        resolve_to(monkeypatch, METADATA)
        with pytest.raises(httpx.ConnectError, match="metadata"):
            await send(make_transport(proxy_url=proxy.url), "http://innocent.example")
        assert proxy.connections_made == 0


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
async def test_a_proxy_at_a_metadata_address_is_refused(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    resolve_to(monkeypatch, METADATA)
    with pytest.raises(
        httpx.ProxyError, match="its host is a link-local or cloud metadata address"
    ) as caught:
        await send(make_transport(proxy_url=f"{scheme}://proxy.example:9"), "https://127.0.0.1:9")
    assert not is_request_sent(caught.value)
