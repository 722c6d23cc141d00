"""Who may read metrics."""

import pytest

from proxyapp.metrics.readers import may_read

TOKEN = "a-token-of-some-length"
HERE = (b"host", b"127.0.0.1:8080")


def scope(
    *headers: tuple[bytes, bytes], peer: str = "127.0.0.1", version: str = "1.1"
) -> dict[str, object]:
    return {"client": (peer, 50_000), "headers": list(headers), "http_version": version}


@pytest.mark.parametrize("host", [b"127.0.0.1:8080", b"localhost", b"[::1]:8080", b"LOCALHOST:1"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machines_programs_may(host: bytes, peer: str):
    assert may_read(scope((b"host", host), peer=peer), "")


@pytest.mark.parametrize(
    "sign",
    [
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"x-forwarded-host", b"localhost"),
        (b"forwarded", b"for=127.0.0.1"),
        (b"x-real-ip", b"127.0.0.1"),
        (b"via", b"1.1 front"),
        (b"origin", b"http://localhost"),
        (b"sec-fetch-site", b"none"),
    ],
)
def test_what_comes_through_a_proxy_or_from_a_page_may_not(sign: tuple[bytes, bytes]):
    assert not may_read(scope(HERE, sign), "")


@pytest.mark.parametrize(
    "stranger",
    [
        scope(HERE, peer="10.0.0.7"),
        scope((b"host", b"evil.example:8080")),
        scope(),
        scope((b"host", b"")),
        scope(HERE, version="1.0"),
        {"client": None, "headers": [HERE], "http_version": "1.1"},
    ],
)
def test_strangers_may_not_unless_they_have_the_token(stranger: dict[str, object]):
    assert not may_read(stranger, "")
    assert not may_read(stranger, TOKEN)

    shown = [(b"authorization", b"Bearer " + TOKEN.encode())]
    assert may_read(stranger | {"headers": shown}, TOKEN)


@pytest.mark.parametrize(
    "shown",
    [
        b"Bearer ",
        b"Bearer",
        b"",
        b"Basic YTpi",
        b"Bearer another",
        b"Bearer " + TOKEN.encode() + b"x",
        "Bearer ä".encode(),
    ],
)
def test_another_token_is_none(shown: bytes):
    stranger = scope(HERE, (b"authorization", shown), peer="10.0.0.7")

    assert not may_read(stranger, TOKEN)
    assert not may_read(stranger, "")
