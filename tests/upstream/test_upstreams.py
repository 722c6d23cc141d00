"""What a failure on the way to an upstream means to a client."""

import ssl
from typing import Any

import httpx
import pytest

from proxyapp.upstream import upstreams
from proxyapp.upstream.http1 import unsent
from proxyapp.upstream.upstreams import failure, was_cut_short
from proxyapp.vocabulary.errors import GatewayError
from tests.support.snapshots import group


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (httpx.LocalProtocolError("forbidden bytes"), 400, "bad_request"),
        (httpx.ConnectError("refused"), 502, "upstream_failed"),
        (httpx.ProxyError("proxy refused: 407"), 502, "proxy_failed"),
        (httpx.RemoteProtocolError("no HTTP"), 502, "upstream_failed"),
        (httpx.ConnectTimeout(""), 504, "upstream_timed_out"),
        (httpx.ReadTimeout(""), 504, "upstream_timed_out"),
        (httpx.WriteTimeout(""), 504, "upstream_timed_out"),
    ],
)
def test_each_failure_has_its_status(error: httpx.TransportError, status: int, code: str):
    told = failure(error, group(1, "g"))

    assert (told.status, told.code) == (status, code)


@pytest.mark.parametrize(
    ("error", "is_cut_short"),
    [
        (unsent(httpx.ConnectError("refused, or no TLS")), True),
        (unsent(httpx.ProxyError("the proxy closed the connection")), True),
        (unsent(httpx.ConnectTimeout("silence")), False),
        (unsent(httpx.LocalProtocolError("forbidden bytes")), False),
        (httpx.ProxyError("proxy refused: 407, or the upstream did"), False),
        (httpx.ReadError("the upstream broke the connection"), False),
        (httpx.WriteError("the body ended early"), False),
    ],
)
def test_only_what_broke_before_a_byte_was_sent_goes_out_again(error, is_cut_short):
    assert was_cut_short(error) is is_cut_short


class Breaking:
    """A way that breaks so many times."""

    def __init__(self, times: int) -> None:
        self.tries = 0
        self._times = times

    async def send(self, *request: object) -> int:
        self.tries += 1
        if self.tries <= self._times:
            raise unsent(httpx.ConnectError("refused"))
        return 200


async def send(way: Breaking, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(upstreams, "AGAIN_SECONDS", 0.0)
    ways: Any = upstreams.Upstreams(ssl.create_default_context())
    ways._transport_of = lambda _: _done(way)
    its = group(1, "g")
    status: int = await ways.send(its, "POST", b"/", [], b"")
    return status


async def _done(way: Breaking) -> Breaking:
    return way


async def test_a_connection_that_breaks_once_is_made_again(monkeypatch):
    way = Breaking(1)

    assert (await send(way, monkeypatch), way.tries) == (200, 2)


async def test_it_is_made_again_once_only(monkeypatch):
    way = Breaking(9)

    with pytest.raises(GatewayError) as caught:
        await send(way, monkeypatch)

    assert (caught.value.status, caught.value.is_sent, way.tries) == (502, False, 2)
