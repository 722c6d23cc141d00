"""No secret stands where anyone could read it: marker secrets, and a look everywhere."""

import gzip
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.support.database_dump import dump
from tests.support.fake_http import Connection, Recorded
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_tokens import make_tokens
from tests.support.ports import free_port
from tests.support.proxies import HttpProxy, ProxyServer, Socks5Proxy
from tests.support.waiting import wait_for

KEYS = ["AIzaSy-marker-key-of-the-gateway-1", "AIzaSy-marker-key-of-the-gateway-2"]
CLIENTS = "marker-credential-of-a-client"
PROXY = "marker/word:of@a%proxy"
SENT_TO_PROXY = b64encode(f"u:{PROXY}".encode()).decode()
MARKERS = [*KEYS, CLIENTS, PROXY, quote(PROXY), quote(PROXY, safe=""), SENT_TO_PROXY]
GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
ASKED = [
    ("/g/works" + GENERATE, 200),
    ("/g/works/refuse", 403),
    ("/g/works/refuse", 403),
    ("/g/works/redirect", 302),
    ("/g/works/compressed", 403),
    ("/g/works/unreadable", 403),
    *(
        (f"/g/proxied%20{number}{GENERATE}", status)
        for number, status in enumerate((502, 502, 502, 403, 502, 502))
    ),
    ("/g/nobody%20there" + GENERATE, 502),
    ("/g/none/x", 404),
]
"""Paths, and the status of their answers; the proxied ones are in the order of `proxies`."""
COMMANDS = [
    ["keys", "list"],
    ["keys", "test", "--json"],
    ["keys", "disable", KEYS[0]],
    ["keys", "enable", "no-such-key-" + KEYS[0]],
    ["export_config", "--mask"],
]


@pytest.fixture
def proxies() -> Iterator[list[str]]:
    """URLs with PROXY in them.

    The proxies refuse the log-in, refuse to connect, or are not there.
    """
    with ExitStack() as stack:
        made: list[ProxyServer] = [Socks5Proxy("u", "another"), HttpProxy("u", "another")]
        made += [Socks5Proxy("u", PROXY, refusal=2), HttpProxy("u", PROXY, refusal=403)]
        urls = [stack.enter_context(proxy).url_with("u", PROXY) for proxy in made]
        yield [
            *urls,
            urls[0].replace("socks5:", "socks5h:"),
            f"https://u:{quote(PROXY, safe='')}@127.0.0.1:1",
        ]


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_no_secret_is_said_anywhere(
    make_gateway: MakeGateway, upstream: FakeUpstream, proxies: list[str], server: str
):
    groups = [
        group(KEYS, upstream.url, "works", auth="google"),
        group(["AIzaSy-another-key-entirely-3"], f"http://127.0.0.1:{free_port()}", "nobody there"),
        *(
            group([f"AIzaSy-key-{n}"], upstream.url, f"proxied {n}", proxy_url=url)
            for n, url in enumerate(proxies)
        ),
    ]
    env = {"LOG_LEVEL": "DEBUG", "ALLOW_ANONYMOUS": "true"}
    gateway = make_gateway(
        groups=groups, server=server, env=env, args=["--workers", "2"], is_forked=False
    )
    token = make_tokens(gateway, {"laptop": {"requests_per_day": 2}})["laptop"]

    said = [
        *with_token(gateway, upstream, token),
        *answers(gateway, upstream),
        *commands(gateway, token),
        processes(),
        dump(gateway),
    ]
    assert gateway.stop() == 0
    said.append(gateway.output())

    for marker in [*MARKERS, token]:
        assert [text for text in said if marker in text] == []


def answers(gateway: Gateway, upstream: FakeUpstream) -> list[str]:
    """Of requests that succeed, are refused with the key in the body, find nobody, or are bad."""
    for path, handler in ANSWERS_WITH_KEYS.items():
        upstream.on(path, handler)
    mine = {"authorization": f"Bearer {CLIENTS}", "x-goog-api-key": CLIENTS}
    texts = []
    for path, _ in ASKED:
        answer = httpx.post(
            f"{gateway.url}{path}?key={CLIENTS}", headers=mine, json={}, timeout=30, trust_env=False
        )
        texts.append(f"{answer.status_code} {answer.headers} {answer.text}")
    assert [int(text[:3]) for text in texts] == [status for _, status in ASKED]
    assert "'application/json'" in texts[5]
    assert "Content-Encoding that the gateway did not ask for" in texts[5]
    traced = httpx.request("TRACE", f"{gateway.url}/g/works/refuse", trust_env=False)
    assert (traced.status_code, upstream.last.method) == (400, "POST")
    return texts


async def refuse(request: Recorded, connection: Connection) -> None:
    body = b'{"error": "api_key:%s"}' % key_of(request)
    await connection.send(b"HTTP/1.1 403 No\r\n" + sized(body))


async def redirect(request: Recorded, connection: Connection) -> None:
    key = key_of(request)
    head = b"HTTP/1.1 302 No\r\nLocation: /x?key=%b\r\n" % key
    await connection.send(head + sized(b"see /x?key=" + key))


async def refuse_compressed(request: Recorded, connection: Connection) -> None:
    head = b"HTTP/1.1 403 No\r\nContent-Encoding: GZIP\r\n"
    await connection.send(head + sized(gzip.compress(key_of(request))))


async def refuse_unreadably(request: Recorded, connection: Connection) -> None:
    """A browser or an SDK with brotli could read it; this gateway had not asked for it."""
    head = b"HTTP/1.1 403 No\r\nContent-Type: text/html\r\nContent-Encoding: br\r\n"
    await connection.send(head + sized(key_of(request)))


ANSWERS_WITH_KEYS = {
    "/refuse": refuse,
    "/redirect": redirect,
    "/compressed": refuse_compressed,
    "/unreadable": refuse_unreadably,
}


def key_of(request: Recorded) -> bytes:
    return (request.key or "").encode()


def sized(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def with_token(gateway: Gateway, upstream: FakeUpstream, token: str) -> list[str]:
    """Of a client token that is good, is used once too often, and is not known.

    The upstream hears of none of them.
    """
    url = f"{gateway.url}/g/works{GENERATE}"
    wait_for(
        lambda: (
            httpx.post(url, headers={"x-api-key": token}, json={}, trust_env=False).status_code
            == 429
        )
    )
    mistyped = [{"authorization": f"Bearer {token[:-1]}"}, {"x-goog-api-key": f"{token}x"}]
    sent = [
        httpx.post(f"{url}?key={token}", headers=headers, json={}, trust_env=False)
        for headers in mistyped
    ]
    heard = [
        f"{request.target!r} {request.headers} {request.body!r}" for request in upstream.requests
    ]
    assert heard
    assert token not in "".join(heard)
    return [f"{answer.headers} {answer.text}" for answer in sent]


def commands(gateway: Gateway, token: str) -> list[str]:
    others = [
        ["tokens", "list"],
        ["tokens", token],
        ["tokens", "revoke", token],
        ["tokens", "revoke", token + "x"],
    ]
    done = [gateway.manage(*command) for command in [*COMMANDS, *others]]
    return [text for one in done for text in (one.stdout, one.stderr)]


def processes() -> str:
    return subprocess.run(
        ["ps", "axww", "-o", "args"], capture_output=True, text=True, timeout=20, check=True
    ).stdout
