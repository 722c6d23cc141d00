"""Requests that mean one thing to one reader and another to the next.

They are refused, or forwarded as exactly one request.
"""

import time
from contextlib import suppress

import pytest

from tests.support.fake_upstream import FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient, RawResponse, exchange, request_bytes

HOST = b"Host: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"


def post(fields: bytes, body: bytes = b"") -> bytes:
    return b"POST /echo HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


def get(target: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"


FRAMING = {
    "CL.TE": post(b"Content-Length: 6\r\n" + CHUNKED, b"0\r\n\r\nG"),
    "TE.CL": post(CHUNKED + b"Content-Length: 4\r\n", b"5c\r\n"),
    "two lengths": post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"),
    "the same length twice": post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"),
    "a list of lengths": post(b"Content-Length: 5, 5\r\n", b"abcde"),
    "a length with a sign": post(b"Content-Length: +5\r\n", b"abcde"),
    "a negative length": post(b"Content-Length: -1\r\n"),
    "a length in hex": post(b"Content-Length: 0x5\r\n", b"abcde"),
    "a length with an underscore": post(b"Content-Length: 1_0\r\n", b"0123456789"),
    "a length in other digits": post("Content-Length: \u0665\r\n".encode(), b"abcde"),
    "an empty length": post(b"Content-Length: \r\n"),
    "a length beyond 64 bits": post(b"Content-Length: 99999999999999999999999\r\n"),
    "an unknown coding": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "a coding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "a coding with quotes": post(b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"),
    "chunked and another": post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "another and chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "two codings": post(CHUNKED + b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n"),
    "chunked twice": post(CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "chunked, chunked": post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    "chunked in HTTP/1.0": b"POST /echo HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "a space before the colon": post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    "a name that starts with a space": post(
        b"X: y\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"
    ),
    "a coding on a folded line": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    "a coding after a bare line feed": post(b"X: y\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "a coding after a bare carriage return": post(
        b"X: y\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"
    ),
    "a first header that is folded": b"GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n",
}
CHUNKS = {
    "a size with 0x": b"0x5\r\nabcde\r\n0\r\n\r\n",
    "a size with a sign": b"+5\r\nabcde\r\n0\r\n\r\n",
    "a size with an underscore": b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "a size before a space": b" 5\r\nabcde\r\n0\r\n\r\n",
    "a size that overflows": b"10000000000000005\r\nabcde\r\n0\r\n\r\n",
    "an empty size": b"\r\nabcde\r\n0\r\n\r\n",
    "a size and a bare line feed": b"5\nabcde\r\n0\r\n\r\n",
    "a bare line feed in an extension": b"5;a\nb\r\nabcde\r\n0\r\n\r\n",
    "a bare carriage return in an extension": b"5;a\rb\r\nabcde\r\n0\r\n\r\n",
    "a bare line feed after a chunk": b"5\r\nabcde\n0\r\n\r\n",
    "a chunk that is longer": b"5\r\nabcdef\r\n0\r\n\r\n",
    "a trailer that is none": b"0\r\nnonsense\r\n\r\n",
    "a trailer with a bare line feed": b"0\r\nA: b\nC: d\r\n\r\n",
}
HEADS = {
    "bare line feeds": b"GET /echo HTTP/1.1\nHost: a\n\n",
    "one bare line feed": b"GET /echo HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "a NUL in a value": get(b"/echo")[:-2] + b"X: a\x00b\r\n\r\n",
    "a control character in a value": get(b"/echo")[:-2] + b"X: a\x08b\r\n\r\n",
    "a NUL in a name": get(b"/echo")[:-2] + b"X\x00: a\r\n\r\n",
    "no name": get(b"/echo")[:-2] + b": a\r\n\r\n",
    "no colon": get(b"/echo")[:-2] + b"nonsense\r\n\r\n",
    "no Host": b"GET /echo HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no version": b"GET /echo\r\nHost: a\r\n\r\n",
    "another version": b"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n",
    "two spaces": b"GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tab for a space": b"GET\t/echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space in the target": get(b"/echo HTTP/1.1 /other"),
    "a NUL in the target": get(b"/echo\x00"),
    "a fragment": get(b"/echo#/admin/"),
    "a scheme without an authority": get(b"http:evil"),
    "an authority with a user": get(b"http://gateway@evil/echo"),
    "another scheme": get(b"file:///etc/passwd"),
    "an authority alone": get(b"evil:443"),
    "a star for a GET": get(b"*"),
    "CONNECT": b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n",
    "CONNECT to a path": b"CONNECT /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    "a SOCKS greeting": b"\x05\x01\x00",
    "garbage": bytes(range(255, 0, -1)) * 40 + b"\r\n\r\n",
    "NULs": bytes(70_000),
    "an endless line": b"GET /" + b"a" * 70_000,
    "an endless header": get(b"/echo")[:-2] + b"X: " + b"a" * 70_000,
    "10,000 headers": get(b"/echo")[:-2] + b"a:\r\n" * 10_000 + b"\r\n",
    "501 headers": get(b"/echo")[:-2] + b"a:\r\n" * 501 + b"\r\n",
    "endless trailers": post(CHUNKED, b"0\r\n" + b"a: b\r\n" * 5000),
    "an endless chunk size": post(CHUNKED, b"0" * 5000),
    "an endless chunk extension": post(CHUNKED, b"5;" + b"a" * 5000),
}
WEBSOCKET = {
    "Host": b"localhost",
    "Connection": b"Upgrade",
    "Upgrade": b"websocket",
    "Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": b"13",
}


def handshake(line: bytes = b"GET /ws/admin/live/ HTTP/1.1", **changed: bytes) -> bytes:
    fields = WEBSOCKET | {name.replace("_", "-"): value for name, value in changed.items()}
    return (
        line
        + b"".join(b"\r\n%b: %b" % (name.encode(), value) for name, value in fields.items())
        + b"\r\n\r\n"
    )


HANDSHAKES = {
    "a WebSocket and more bytes": handshake(),
    "a WebSocket by POST": handshake(b"POST /ws/admin/live/ HTTP/1.1"),
    "a WebSocket with a body": handshake(Content_Length=b"5") + b"abcde",
    "a WebSocket in HTTP/1.0": handshake(b"GET /ws/admin/live/ HTTP/1.0"),
    "a WebSocket to a URL": handshake(b"GET http://localhost/ws/admin/live/ HTTP/1.1"),
    "a WebSocket to no ASCII": handshake(b"GET /\xff\xfe HTTP/1.1"),
    "a WebSocket without an upgrade": handshake(Connection=b"keep-alive"),
    "a WebSocket of another version": handshake(Sec_WebSocket_Version=b"99"),
    "a WebSocket with another key": handshake(Sec_WebSocket_Key=b"dGhl"),
    "a WebSocket's protocol in no ASCII": handshake(Sec_WebSocket_Protocol=b"\xff"),
    "a WebSocket with many headers": handshake(**{f"X-{number}": b"" for number in range(150)}),
    "a WebSocket with a long header": handshake(X=b"a" * 9000),
}
REFUSED = (
    FRAMING | HANDSHAKES | HEADS | {name: post(CHUNKED, body) for name, body in CHUNKS.items()}
)


def said(gateway: Gateway, data: bytes) -> bytes:
    """Everything that comes back until the gateway hangs up."""
    with RawClient(gateway.url) as client:
        with suppress(ConnectionError):
            client.send(data)
        return client.read_to_the_end()


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_and_nothing_after_it_is_heard(
    shared_gateway: Gateway, google: FakeUpstream, data: bytes
):
    answer = said(shared_gateway, data + SMUGGLED)

    assert answer.split(b" ")[1] in (b"400", b"413", b"431", b"505")
    assert answer.count(b"Connection: close\r\n") == 1
    assert google.requests == []
    assert exchange(shared_gateway.url, "GET", "/echo").status == 200


@pytest.mark.parametrize(
    "target", ["/../x", "/g/default/%2e%2e/x", "http://evil/x/..%2f../y", "/g/default/a/../../x"]
)
def test_a_path_that_leads_out_of_its_group_is_refused(
    shared_gateway: Gateway, google: FakeUpstream, target: str
):
    response = exchange(shared_gateway.url, "GET", target)

    assert (response.status, b"'..'" in response.body) == (400, True)
    assert google.requests == []


@pytest.mark.parametrize(
    ("target", "arrives"),
    [
        ("http://evil/echo", "/echo"),
        ("http://evil:99/echo?a=b", "/echo?a=b"),
        ("HTTPS://evil/admin/", None),
        ("http://evil//admin/", "//admin/"),
        ("//evil/echo", "//evil/echo"),
        ("///evil", "///evil"),
        ("/\\evil", "/\\evil"),
        ("/@evil/", "/@evil/"),
        ("/http://evil/", "/http://evil/"),
        ("/echo%0d%0aX-Evil:%201", "/echo%0d%0aX-Evil:%201"),
        ("/echo?a=%0d%0aX-Evil:%201", "/echo?a=%0d%0aX-Evil:%201"),
        ("/g/default/%0d%0aX:%20y", "/%0d%0aX:%20y"),
        ("/g/default//evil/", "//evil/"),
        ("/%61dmin/", "/%61dmin/"),
        ("/admin%2f", "/admin%2f"),
        ("/admin;x", "/admin;x"),
        ("//admin/", "//admin/"),
        ("/ADMIN/", "/ADMIN/"),
        ("/g/default/admin/", "/admin/"),
        ("/g/../admin/", None),
        ("/g/%2e%2e/admin/", None),
        ("/x/../admin/", "/x/../admin/"),
        ("/admin/%2e%2e/echo", None),
        ("/admin/../echo", None),
    ],
)
def test_a_target_goes_to_the_groups_upstream_or_to_the_admin_but_never_elsewhere(
    shared_gateway: Gateway, google: FakeUpstream, target: str, arrives: str | None
):
    """The admin's own pages ask for a login or say that there is no such page."""
    response = exchange(shared_gateway.url, "GET", target)

    assert [(one.target.decode(), one.values("host")) for one in google.requests] == (
        [(arrives, [google.host])] if arrives else []
    )
    assert arrives or response.status in (302, 400, 404)
    assert "x-evil" not in {name.lower() for name, _ in response.headers}


# What the framing of one request may look like.


def only(upstream: FakeUpstream) -> Recorded:
    (request,) = upstream.requests
    return request


def test_a_coding_in_capitals_with_extensions_and_trailers_is_one_body_with_a_length(
    shared_gateway: Gateway, google: FakeUpstream
):
    fields = b"Transfer-Encoding:\t CHUNKED \r\nTrailer: Content-Length\r\nConnection: close\r\n"
    said(
        shared_gateway,
        post(fields, b"5;ext=1\r\nabcde\r\n0\r\nContent-Length: 99\r\nX-Goog-Api-Key: own\r\n\r\n"),
    )

    request = only(google)
    assert (
        request.body,
        request.values("content-length"),
        request.values("transfer-encoding"),
    ) == (
        b"abcde",
        ["5"],
        [],
    )
    assert request.values("x-goog-api-key") == [request.key]


def test_a_second_request_in_the_same_bytes_is_a_second_request(
    shared_gateway: Gateway, google: FakeUpstream
):
    with RawClient(shared_gateway.url) as client:
        client.send(post(b"Content-Length: 3\r\n", b"abc") + get(b"/echo/2"))
        statuses = [client.read_response().status for _ in range(2)]

    assert (statuses, [one.path for one in google.requests]) == ([200, 200], ["/echo", "/echo/2"])


def test_a_body_on_a_get_is_no_second_request(shared_gateway: Gateway, google: FakeUpstream):
    fields = b"Connection: close\r\nContent-Length: %d\r\n" % len(SMUGGLED)
    said(shared_gateway, b"GET /echo HTTP/1.1\r\n" + HOST + fields + b"\r\n" + SMUGGLED)

    assert (only(google).target, only(google).body) == (b"/echo", SMUGGLED)


def test_empty_lines_before_a_request_are_overlooked_in_one_go(
    shared_gateway: Gateway, google: FakeUpstream
):
    since = time.monotonic()
    answer = said(
        shared_gateway, b"\r\n" * (4 << 20) + get(b"/healthz")[:-2] + b"Connection: close\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert time.monotonic() - since < 1.5  # a copy for each line: 2 s at best


def test_nothing_is_to_be_continued_where_no_body_is(shared_gateway: Gateway, google: FakeUpstream):
    answer = said(
        shared_gateway, get(b"/echo")[:-2] + b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_websocket_client_that_does_not_wait_to_be_let_in_is_no_error(
    shared_gateway: Gateway, google: FakeUpstream
):
    for _ in range(5):
        with RawClient(shared_gateway.url) as client, suppress(ConnectionError):
            client.send(handshake())
            client.send(b"\xff" * 100)
            assert client.read_to_the_end()[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 403")


# Headers.


@pytest.mark.parametrize(
    "listed", ["x-goog-api-key", "content-length", "host", "authorization, Content-Length, Host"]
)
def test_connection_strips_nothing_that_is_the_gateways_own(
    shared_gateway: Gateway, google: FakeUpstream, listed: str
):
    exchange(shared_gateway.url, "POST", "/echo", [("Connection", listed)], b"{}")

    request = only(google)
    assert (request.values("host"), request.values("content-length")) == ([google.host], ["2"])
    assert request.key in ("KEY-A", "KEY-B")


@pytest.mark.parametrize(
    "name",
    [
        "X_Goog_Api_Key",
        "x-goog_api-key",
        "Content_Length",
        "Transfer_Encoding",
        "X_API_KEY",
        "X_Goog_User_Project",
    ],
)
def test_an_underscore_is_no_way_around_what_is_stripped(
    shared_gateway: Gateway, google: FakeUpstream, name: str
):
    exchange(shared_gateway.url, "GET", "/echo", [(name, "7"), ("X_Odd", "1")])

    names = [name.lower() for name, _ in only(google).headers]
    assert (name.lower().encode() in names, b"x_odd" in names) == (False, True)


def test_a_query_of_any_bytes_is_no_error_of_the_admin(
    shared_gateway: Gateway, google: FakeUpstream
):
    response = ask_the_admin(shared_gateway, "GET /admin/login/?next=\u00ff&\u00e4", [])

    assert (response.status, google.requests) == (200, [])


def test_forwarded_headers_of_a_client_do_not_reach_the_admin_in_disguise(
    shared_gateway: Gateway, google: FakeUpstream
):
    """A method or a URL that a header claims is not believed."""
    sent = [
        ("X-Original-URL", "/healthz"),
        ("X-Rewrite-URL", "/healthz"),
        ("X-HTTP-Method-Override", "DELETE"),
    ]
    response = ask_the_admin(shared_gateway, "GET /admin/", sent)

    assert (response.status, google.requests) == (302, [])


def test_a_post_to_the_admin_without_its_token_is_refused_whatever_the_host_says(
    shared_gateway: Gateway, google: FakeUpstream
):
    for target, status in (("/admin/login/", 403), ("http://evil/admin/login/", 400)):
        sent = [("Origin", "http://evil"), ("Content-Length", "0")]
        response = ask_the_admin(shared_gateway, f"POST {target}", sent)

        assert (response.status, google.requests) == (status, [])


def ask_the_admin(gateway: Gateway, what: str, headers: list[tuple[str, str]]) -> RawResponse:
    """Under a name that it answers to."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in [("Host", "localhost"), *headers])
    with RawClient(gateway.url) as client:
        client.send(f"{what} HTTP/1.1\r\n{fields}\r\n".encode())
        return client.read_response()


# Sizes.


def test_a_query_of_60_kb_arrives_and_a_longer_head_is_refused(
    shared_gateway: Gateway, google: FakeUpstream
):
    exchange(shared_gateway.url, "GET", "/echo?q=" + "x" * 60_000)
    assert len(only(google).target) == 60_008

    refused = exchange(shared_gateway.url, "GET", "/echo?q=" + "x" * 66_000)

    assert (refused.status, len(google.requests)) == (431, 1)


def test_a_declared_body_of_an_exabyte_costs_nothing(shared_gateway: Gateway, google: FakeUpstream):
    answer = said(shared_gateway, post(b"Content-Length: 999999999999999999\r\n", b"x"))

    assert (answer.split(b" ")[1], google.requests) == (b"413", [])


def test_many_headers_and_a_multipart_name_of_a_megabyte_are_only_bytes(
    shared_gateway: Gateway, google: FakeUpstream
):
    body = (
        b'--x\r\nContent-Disposition: form-data; name="'
        + b"n" * 1_000_000
        + b'"\r\n\r\n1\r\n--x--\r\n'
    )
    headers = [(f"X-{number}", "v") for number in range(450)]
    headers.append(("Content-Type", "multipart/form-data; boundary=x"))

    response = exchange(shared_gateway.url, "POST", "/echo", headers, body)

    assert (response.status, only(google).body_length) == (200, len(body))


def test_nothing_of_all_this_was_an_error_of_the_gateway(shared_gateway: Gateway):
    assert "Traceback" not in shared_gateway.output()
    said = shared_gateway.output().lower().replace("a form of the admin was refused", "")
    assert "refused" not in said


def test_a_request_is_unharmed_by_what_came_before(shared_gateway: Gateway, google: FakeUpstream):
    with RawClient(shared_gateway.url) as client:
        client.send(request_bytes("POST", GENERATE, [], b"{}"))
        assert client.read_response().status == 200
