"""What a failure on the way to an upstream means to a client."""

import httpx
import pytest

from proxyapp.upstream.upstreams import failure
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
