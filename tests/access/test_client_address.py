"""What a proxy says of a client counts only from a proxy that is trusted."""

from typing import Any

import pytest

from proxyapp.access.client_address import TrustedProxies

CLIENT, PROXY, INNER = "203.0.113.7", "10.0.0.1", "10.0.0.2"


def scope(peer: str | None, *headers: tuple[str, str], scheme: str = "http") -> dict[str, Any]:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"client": (peer, 4711) if peer else None, "scheme": scheme, "headers": raw}


def client(trusted: str, peer: str | None, *said: str) -> str:
    headers = [("x-forwarded-for", value) for value in said]
    return str(TrustedProxies(filter(None, [trusted])).client(scope(peer, *headers)))


@pytest.mark.parametrize(
    ("trusted", "peer", "said", "expected"),
    [
        ("", PROXY, ["1.1.1.1"], PROXY),
        ("192.0.2.0/24", PROXY, ["1.1.1.1"], PROXY),
        (PROXY, PROXY, [], PROXY),
        (PROXY, PROXY, [CLIENT], CLIENT),
        (PROXY, PROXY, [f"1.1.1.1, {CLIENT}"], CLIENT),
        (PROXY, PROXY, ["1.1.1.1", CLIENT], CLIENT),
        ("10.0.0.0/8", PROXY, [f"1.1.1.1, {CLIENT}, {INNER}"], CLIENT),
        (PROXY, PROXY, [f"{CLIENT}, {INNER}"], INNER),
        ("10.0.0.0/8", PROXY, [INNER], INNER),
        (PROXY, PROXY, [f"{CLIENT}:5000"], CLIENT),
        (PROXY, PROXY, ["[2001:db8::1]:5000"], "2001:db8::1"),
        (PROXY, PROXY, ["2001:db8::1"], "2001:db8::1"),
        (PROXY, f"::ffff:{PROXY}", [CLIENT], CLIENT),
        (PROXY, PROXY, ["1.1.1.1, unknown"], PROXY),
        (PROXY, PROXY, ["<script>"], PROXY),
        (PROXY, PROXY, [""], PROXY),
        ("::1", "::1", [CLIENT], CLIENT),
        (PROXY, None, [CLIENT], "None"),
    ],
    ids=str,
)
def test_the_client_is_the_rightmost_address_that_is_no_trusted_proxy(
    trusted, peer, said, expected
):
    assert client(trusted, peer, *said) == expected


@pytest.mark.parametrize(
    ("trusted", "said", "own", "expected"),
    [
        ("", "https", "http", "http"),
        (PROXY, "https", "http", "https"),
        (PROXY, "http, https", "http", "https"),
        (PROXY, "https, http", "http", "http"),
        (PROXY, "HTTPS", "http", "https"),
        (PROXY, "http", "https", "http"),
        (PROXY, "https", "ws", "wss"),
        (PROXY, "ftp", "http", "http"),
        (PROXY, "", "https", "https"),
    ],
)
def test_the_scheme_is_what_a_trusted_proxy_says(trusted, said, own, expected):
    found = TrustedProxies(filter(None, [trusted])).scheme(
        scope(PROXY, ("x-forwarded-proto", said), scheme=own)
    )

    assert found == expected


def test_a_server_need_not_say_the_scheme_of_a_socket():
    seen = {"type": "websocket", **scope(PROXY, ("x-forwarded-proto", "https"))}
    del seen["scheme"]

    assert (TrustedProxies().scheme(seen), TrustedProxies([PROXY]).scheme(seen)) == ("ws", "wss")


@pytest.mark.parametrize("trusted", [[], [PROXY]])
def test_nothing_after_this_sees_what_proxies_say(trusted):
    names = (
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "x-real-ip",
        "accept",
    )

    seen = TrustedProxies(trusted).seen_through(scope(PROXY, *((name, CLIENT) for name in names)))

    assert [name for name, _ in seen["headers"]] == [b"accept"]
    assert seen["client"] == ((CLIENT, 0) if trusted else (PROXY, 4711))
