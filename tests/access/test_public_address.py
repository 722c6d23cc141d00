"""Under which address a client reached the gateway."""

import pytest

from proxyapp.access.client_address import TrustedProxies
from proxyapp.access.public_address import _tell_of_untrusted_proxy, public_origin

PROXIES = TrustedProxies(["10.0.0.0/8"])


def origin(headers: dict[str, str], *, peer: str | None = "10.0.0.1", scheme: str = "http") -> str:
    scope = {
        "type": "http",
        "scheme": scheme,
        "client": (peer, 1) if peer else None,
        "server": ("192.0.2.9", 8080),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    return public_origin(scope, PROXIES).decode()


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"host": "gw.example:8080"}, "http://gw.example:8080"),
        ({"host": "gw.example", "x-forwarded-proto": "https"}, "https://gw.example"),
        ({"host": "gw.example:443", "x-forwarded-proto": "https"}, "https://gw.example"),
        ({"host": "in", "x-forwarded-host": "gw.example"}, "http://gw.example"),
        ({"host": "in", "x-forwarded-host": "gw.example, in"}, "http://gw.example"),
        (
            {"host": "gw.example", "x-forwarded-proto": "https", "x-forwarded-port": "8443"},
            "https://gw.example:8443",
        ),
        ({"host": "[2001:db8::1]:8080"}, "http://[2001:db8::1]:8080"),
        ({"host": "gw.example", "x-forwarded-host": "a b\r\n"}, "http://gw.example"),
        ({"host": "a/../b"}, "http://192.0.2.9:8080"),
        ({}, "http://192.0.2.9:8080"),
    ],
)
def test_behind_a_trusted_proxy(headers: dict[str, str], found: str):
    assert origin(headers) == found


@pytest.mark.parametrize("peer", ["192.0.2.1", None])
def test_who_is_not_trusted_changes_nothing(peer: str | None):
    headers = {
        "host": "gw.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-forwarded-port": "1",
    }

    assert origin(headers, peer=peer) == "http://gw.example"


def test_tls_of_its_own():
    assert origin({"host": "gw.example"}, scheme="https", peer=None) == "https://gw.example"
    assert origin({"host": "gw.example:80"}, scheme="https") == "https://gw.example:80"


def test_a_proxy_with_tls_that_is_not_trusted_is_told_of_once(caplog: pytest.LogCaptureFixture):
    _tell_of_untrusted_proxy.cache_clear()
    said = {"host": "gw.example", "x-forwarded-proto": "https"}
    for _ in range(3):
        assert origin(said, peer="192.0.2.1") == "http://gw.example"
    origin(said, peer="192.0.2.1", scheme="https")

    assert caplog.text.count("TRUSTED_PROXIES") == 1
