"""The steps of a way to an upstream, as a trace sees them."""

import time

import httpx
import pytest

from proxyapp.upstream.trace import CONNECTION, NAME, PROXY, REQUEST, TLS, StepClock
from tests.support.certificates import server_context
from tests.support.proxies import HttpProxy, Socks5Proxy
from tests.support.scripted_upstream import OK, ScriptedUpstream, answering
from tests.support.transports import MakeTransport, fetch, send


class Steps(list[tuple[str, str]]):
    def trace(self, step: str, detail: str) -> None:
        self.append((step, detail))


@pytest.mark.parametrize("is_tls", [True, False])
async def test_a_direct_way_is_seen_step_by_step(
    make_transport: MakeTransport, is_tls: bool
) -> None:
    steps = Steps()
    tls = server_context() if is_tls else None
    async with ScriptedUpstream(answering(OK, OK), tls=tls) as upstream:
        transport = make_transport(trace=steps.trace)
        for _ in range(2):  # the second goes out on the same connection
            await fetch(transport, upstream.url)
    assert steps == [
        (NAME, "127.0.0.1"),
        (CONNECTION, upstream.host),
        *([(TLS, "127.0.0.1")] if is_tls else []),
        (REQUEST, ""),
    ]


@pytest.mark.parametrize(
    ("kind", "looked_up"),
    [
        ("http", ["127.0.0.1"]),
        ("https", ["127.0.0.1"]),
        ("socks5", ["127.0.0.1", "localhost"]),
        ("socks5h", ["127.0.0.1"]),
    ],
)
async def test_a_way_through_a_proxy_shows_the_names_that_are_looked_up_here(
    make_transport: MakeTransport, kind: str, looked_up: list[str]
) -> None:
    clock = StepClock()
    tls = server_context() if kind == "https" else None
    async with ScriptedUpstream(answering(OK), tls=server_context()) as upstream:
        with Socks5Proxy() if "socks" in kind else HttpProxy(tls=tls) as proxy:
            url = proxy.url.replace("socks5:", f"{kind}:")
            transport = make_transport(proxy_url=url, trace=clock.begin)
            await fetch(transport, f"https://localhost:{upstream.port}")
            await transport.aclose()
    assert clock.details == {
        NAME: ", ".join(looked_up),
        PROXY: proxy.host,
        TLS: "localhost",
        REQUEST: "",
    }


async def test_a_host_that_is_refused_is_the_last_thing_seen(
    make_transport: MakeTransport,
) -> None:
    steps = Steps()
    with pytest.raises(httpx.ConnectError):
        await send(make_transport(trace=steps.trace), "http://169.254.169.254")
    assert steps == [(NAME, "169.254.169.254")]


async def test_a_connection_can_be_made_without_a_request(make_transport: MakeTransport) -> None:
    async with ScriptedUpstream(answering(OK)) as upstream:
        await make_transport().connect(httpx.URL(upstream.url))
        await upstream.wait_for_open(0, accepted=1)
    assert (upstream.accepted, upstream.heads) == (1, [])


def test_a_step_ends_when_the_next_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 3.0, 3.0, 3.5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    clock = StepClock()
    clock.begin(NAME, "one")
    clock.begin(NAME, "two")
    clock.begin(CONNECTION, "one:80")
    assert (clock.latest, clock.taken) == (CONNECTION, {NAME: 2000.0, CONNECTION: 0.0})
    clock.end()
    clock.end()
    assert clock.taken == {NAME: 2000.0, CONNECTION: 500.0}
    assert clock.details == {NAME: "one, two", CONNECTION: "one:80"}
