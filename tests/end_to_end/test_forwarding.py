"""A request and its answer on the other side are the same, except for what must change."""

import json
import re
from collections.abc import Iterable

import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient, RawResponse, exchange, request_bytes

# Each server adds these for its own connection, or HTTP itself asks for them (RFC 9110, 6.6.1).
HOP = "x-gateway-hop"
OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "date"}


def of_upstream(response: RawResponse) -> list[tuple[str, str]]:
    """Its headers without the one of the gateway's own."""
    (_,) = response.values("x-request-id")
    return [header for header in response.headers if header[0].lower() != "x-request-id"]


def by_name(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names in lower case and in order.

    The values of one name stay in the order in which they came.
    """
    lower = [(name.lower(), value) for name, value in headers]
    return sorted(
        (header for header in lower if header[0] not in OF_THE_CONNECTION),
        key=lambda header: header[0],
    )


def arrived(request: Recorded) -> list[tuple[str, str]]:
    """Without the gateway's own mark, which only Google is not sent."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    assert [re.fullmatch("[0-9a-f]{16}", value) is not None for value in marks(headers)] == [True]
    return by_name((name, value) for name, value in headers if name.lower() != HOP)


def marks(headers: list[tuple[str, str]]) -> list[str]:
    return [value for name, value in headers if name.lower() == HOP]


def answer_with(upstream: FakeUpstream, raw: bytes, *, then: str = "keep") -> None:
    """From now on `/raw` answers with exactly these bytes."""

    async def handler(request: Recorded, connection: Connection) -> None:
        await connection.send(raw)
        if then == "close":
            connection.close()
        if then == "abort":
            connection.abort()

    upstream.on("/raw", handler)


# The target.


@pytest.mark.parametrize(
    "target",
    [
        b"/echo/models/x:generateContent",
        b"/echo/a%2Fb%2fc",
        b"/echo//a///b//",
        b"/echo/a+b?q=a+b%20c",
        b"/echo/./a/../b",
        b"/echo?a=&b",
        b"/echo?&&a=1&a=2&",
        b"/echo?a=1?b=2",
        b"/echo/%D1%8F?q=%D1%8F",
        b"/echo/a;b=c,d=e@f!$'()*~",
        b"/echo/%7Euser/%41",
        b"/echo?q=[]{}|^`\\<>'",
        b"/echo?keys=1&monkey=2&Key=3",
    ],
)
def test_path_and_query_arrive_byte_for_byte(
    shared_gateway: Gateway, google: FakeUpstream, target: bytes
) -> None:
    assert exchange(shared_gateway.url, "GET", target).status == 200
    assert google.last.target == target


def test_an_empty_query_is_told_from_none(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    """By the default server; ASGI alone cannot tell."""
    gateway = make_gateway()
    for target in (b"/echo?", b"/echo", b"/echo?key=mine"):
        exchange(gateway.url, "GET", target)
    assert [request.target for request in upstream.requests] == [b"/echo?", b"/echo", b"/echo"]


@pytest.mark.parametrize("target", [b"/echo/\xd1\x8f", b"/echo?q=\xd1\x8f\xff", b"/echo/%zz%"])
def test_bytes_that_no_url_may_have_arrive_or_are_refused(
    shared_gateway: Gateway, google: FakeUpstream, target: bytes
) -> None:
    response = exchange(shared_gateway.url, "GET", target)
    assert response.status in (200, 400)
    assert [request.target for request in google.requests] == (
        [target] if response.status == 200 else []
    )


@pytest.mark.parametrize(
    ("sent", "target"),
    [
        (b"/echo?key=mine", b"/echo"),
        (b"/echo?key=mine&a=1", b"/echo?a=1"),
        (b"/echo?a=%2F&key=mine&b=+&c", b"/echo?a=%2F&b=+&c"),
        (b"/echo?a=&key=mine", b"/echo?a="),
        (b"/echo?key=mine&key=other", b"/echo"),
        (b"/echo?key&a=1", b"/echo?a=1"),
        (b"/echo?k%65y=mine&a=1", b"/echo?a=1"),
    ],
)
def test_only_the_key_is_cut_from_the_query(
    shared_gateway: Gateway, google: FakeUpstream, sent: bytes, target: bytes
) -> None:
    assert exchange(shared_gateway.url, "GET", sent).status == 200
    assert google.last.target == target


def test_the_path_prefix_of_the_target_is_kept(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(target_url=f"{upstream.url}/pre%2Ffix/")
    exchange(gateway.url, "GET", "/echo/x?a=1")
    assert upstream.last.target == b"/pre%2Ffix/echo/x?a=1"


def test_a_group_path_is_cut_and_keeps_to_the_keys_of_the_group(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    groups = [
        {
            "name": name,
            "target_url": upstream.url,
            "auth": "google",
            "api_keys": [f"KEY-{name}-{n}" for n in (1, 2)],
        }
        for name in ("one", "two")
    ]
    gateway = make_gateway(groups=groups)
    for _ in range(3):
        assert exchange(gateway.url, "GET", "/g/two/echo/%2F?a=").status == 200
    assert upstream.picked() == ["KEY-two-1", "KEY-two-2", "KEY-two-1"]
    assert upstream.last.target == b"/echo/%2F?a="


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "HEAD"]
)
def test_every_method_arrives(shared_gateway: Gateway, google: FakeUpstream, method: str) -> None:
    assert exchange(shared_gateway.url, method, "/echo").status == 200
    assert google.last.method == method


def test_a_method_that_nobody_registered_arrives(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    assert exchange(shared_gateway.url, "X-OWN-METHOD", "/echo").status == 200
    assert google.last.method == "X-OWN-METHOD"


# Request headers.


def test_the_upstream_sees_the_clients_headers_and_nothing_else(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    sent = [
        ("Accept", "*/*"),
        ("X-Repeated", "1"),
        ("Content-Type", "application/json; x=\xfc"),
        ("X-Repeated", "2, 3"),
        ("X-Goog-Api-Client", "genai-js/1"),
        ("Cookie", "theirs=1; other=2"),
        ("X-Empty", ""),
    ]
    assert exchange(shared_gateway.url, "POST", "/echo", sent, b"{}").status == 200
    expected = [
        *sent,
        ("host", google.host),
        ("content-length", "2"),
        ("x-goog-api-key", google.last.key or ""),
    ]
    assert arrived(google.last) == by_name(expected)


def test_what_stands_in_front_adds_nothing_to_it(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    added = [
        ("X-Forwarded-For", "192.0.2.1"),
        ("X_Forwarded_Host", "gateway.example"),
        ("Forwarded", "for=192.0.2.1"),
        ("Via", "1.1 Caddy"),
        ("CDN-Loop", "cloudflare"),
        ("CF-Connecting-IP", "192.0.2.1"),
        ("Remote-User", "someone"),
    ]
    exchange(shared_gateway.url, "GET", "/echo", added)
    assert arrived(google.last) == [("host", google.host), ("x-goog-api-key", google.last.key)]


def test_a_request_without_a_body_gets_no_framing(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    exchange(shared_gateway.url, "GET", "/echo")
    assert arrived(google.last) == [("host", google.host), ("x-goog-api-key", google.last.key)]


def test_an_empty_body_stays_a_body(shared_gateway: Gateway, google: FakeUpstream) -> None:
    exchange(shared_gateway.url, "POST", "/echo", [("Content-Length", "0")])
    assert google.last.values("content-length") == ["0"]


def test_headers_of_the_connection_stay_behind(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    hop_by_hop = [
        ("Connection", "keep-alive, X-Named, X-Also-Named"),
        ("X-Named", "1"),
        ("x-also-NAMED", "2"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Trailer", "X-T"),
        ("Proxy-Authorization", "Basic c2VjcmV0"),
        ("Proxy-Connection", "keep-alive"),
        ("X-Stays", "3"),
    ]
    assert exchange(shared_gateway.url, "GET", "/echo", hop_by_hop).status == 200
    assert arrived(google.last) == [
        ("host", google.host),
        ("x-goog-api-key", google.last.key),
        ("x-stays", "3"),
    ]


@pytest.mark.parametrize(
    "credential",
    [
        [("Authorization", "Bearer client-secret")],
        [("X-Goog-Api-Key", "client-secret")],
        [("X-Api-Key", "client-secret")],
        [
            ("Authorization", "Bearer client-secret"),
            ("x-goog-api-key", "client-secret"),
            ("x-api-key", "client-secret"),
        ],
    ],
)
@pytest.mark.parametrize("path", ["/v1beta/models", "/v1beta/openai/models"])
def test_the_clients_credentials_never_reach_the_upstream(
    shared_gateway: Gateway, google: FakeUpstream, path: str, credential: list[tuple[str, str]]
) -> None:
    assert (
        exchange(shared_gateway.url, "GET", f"{path}?key=client-secret", credential).status == 200
    )
    assert google.last.key in ("KEY-A", "KEY-B")
    assert b"client-secret" not in google.last.target + repr(google.last.headers).encode()


@pytest.mark.parametrize(
    ("path", "header", "value"),
    [
        ("/v1beta/models", "x-goog-api-key", "KEY-A"),
        ("/v1beta/openai/models", "authorization", "Bearer KEY-A"),
    ],
)
def test_google_gets_the_key_where_it_takes_it(
    make_gateway: MakeGateway, upstream: FakeUpstream, path: str, header: str, value: str
) -> None:
    assert exchange(make_gateway().url, "GET", path).status == 200
    assert upstream.last.values(header) == [value]


def test_a_target_that_is_not_google_gets_both_credentials(make_gateway: MakeGateway) -> None:
    with FakeUpstream(strict=False) as upstream:
        gateway = make_gateway(auth="auto", target_url=upstream.url)
        assert exchange(gateway.url, "GET", "/v1beta/models").status == 200
        assert upstream.last.values("x-goog-api-key") == ["KEY-A"]
        assert upstream.last.values("authorization") == ["Bearer KEY-A"]


def test_a_target_that_refuses_two_credentials_is_asked_again_with_one(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    gateway = make_gateway(["KEY-A"], auth="auto")
    assert exchange(gateway.url, "GET", "/v1beta/models").status == 200
    assert [len(request.values("authorization")) for request in upstream.requests] == [1, 0]
    assert exchange(gateway.url, "GET", "/v1beta/models").status == 200
    assert upstream.last.values("authorization") == []
    assert len(upstream.requests) == 3


def test_keys_take_turns(make_gateway: MakeGateway, upstream: FakeUpstream) -> None:
    gateway = make_gateway(["KEY-A", "KEY-B", "KEY-C"])
    for _ in range(7):
        exchange(gateway.url, "GET", "/echo")
    assert upstream.picked() == ["KEY-A", "KEY-B", "KEY-C", "KEY-A", "KEY-B", "KEY-C", "KEY-A"]


# Answers.


def test_the_client_sees_the_upstreams_status_headers_and_bytes(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    headers = [
        ("Content-Type", "text/x-own; x=\xfc"),
        ("Server", "upstream"),
        ("X-Repeated", "1"),
        ("X-Repeated", "2"),
        ("Content-Length", "3"),
        ("X-Empty", ""),
    ]
    lines = "\r\n".join(f"{name}: {value}" for name, value in headers)
    answer_with(google, f"HTTP/1.1 418 Own Words\r\n{lines}\r\n\r\n\xff\x00b".encode("latin-1"))
    response = exchange(shared_gateway.url, "GET", "/raw")
    assert (response.status, response.body) == (418, b"\xff\x00b")
    assert by_name(of_upstream(response)) == by_name(headers)


def test_headers_of_the_upstreams_connection_and_cookies_stay_behind(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    answer_with(
        google,
        b"HTTP/1.1 200 OK\r\nConnection: x-named\r\nX-Named: 1\r\nKeep-Alive: timeout=1\r\n"
        b"Set-Cookie: a=1\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: X-T\r\n"
        b"X-Stays: 1\r\nContent-Length: 2\r\n\r\nok",
    )
    response = exchange(shared_gateway.url, "GET", "/raw")
    assert by_name(of_upstream(response)) == [("content-length", "2"), ("x-stays", "1")]


def test_cookies_of_one_key_are_not_sent_with_another(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    for _ in range(4):
        assert exchange(shared_gateway.url, "GET", "/echo").values("set-cookie") == []
    assert [request.values("cookie") for request in google.requests] == [[]] * 4


@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_have_no_body_get_none(
    shared_gateway: Gateway, google: FakeUpstream, status: int
) -> None:
    with RawClient(shared_gateway.url) as client:
        response = client.request("GET", f"/status/{status}")
        assert (response.status, response.values("transfer-encoding")) == (status, [])
        assert client.request("GET", "/echo").status == 200


def test_the_answer_to_head_keeps_its_length_and_has_no_body(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    with RawClient(shared_gateway.url) as client:
        assert client.request("HEAD", "/bytes/12345").values("content-length") == ["12345"]
        assert client.request("GET", "/echo").status == 200


def test_an_informational_answer_does_not_end_the_exchange(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    answer_with(
        google,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    response = exchange(shared_gateway.url, "GET", "/raw")
    assert (response.status, response.body, response.values("link")) == (200, b"ok", [])


def test_an_answer_that_ends_with_its_connection_is_whole(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    answer_with(google, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", then="close")
    response = exchange(shared_gateway.url, "GET", "/raw")
    assert (response.is_complete, response.body) == (True, b"to the end")


def test_a_redirect_is_the_clients_to_follow(shared_gateway: Gateway, google: FakeUpstream) -> None:
    answer_with(
        google, b"HTTP/1.1 302 Found\r\nLocation: /echo?elsewhere\r\nContent-Length: 0\r\n\r\n"
    )
    response = exchange(shared_gateway.url, "GET", "/raw")
    assert (response.status, response.values("location")) == (302, ["/echo?elsewhere"])
    assert len(google.requests) == 1


@pytest.mark.parametrize(
    "path", ["/v1beta/models/nope:generateContent", "/v1beta/openai/chat/completions"]
)
def test_an_error_of_the_upstream_comes_through_as_it_is(
    shared_gateway: Gateway, google: FakeUpstream, path: str
) -> None:
    response = exchange(
        shared_gateway.url,
        "POST",
        path,
        [("Content-Type", "application/json")],
        b'{"model": "nope"}',
    )
    said = json.loads(response.body)
    assert response.status == 404
    assert (said[0] if isinstance(said, list) else said)["error"]["status"] == "NOT_FOUND"


# Requests that are not quite right.


def bad(gateway: Gateway, data: bytes) -> RawResponse:
    with RawClient(gateway.url) as client:
        client.send(data)
        return client.read_response()


def test_an_absolute_target_is_never_fetched(shared_gateway: Gateway, google: FakeUpstream) -> None:
    response = exchange(shared_gateway.url, "GET", f"{google.url}/echo/absolute")
    assert response.status in (200, 400)
    assert [request.target for request in google.requests] == (
        [b"/echo/absolute"] if response.status == 200 else []
    )
    assert google.picked() in ([], ["KEY-A"], ["KEY-B"])


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "4"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "chunked"), ("Content-Length", "4")],
        [("Content-Length", "4"), ("Content-Length", "5")],
        [("Content-Length", "-1")],
        [("Content-Length", "4x")],
    ],
)
def test_a_body_of_two_lengths_is_refused(
    shared_gateway: Gateway, google: FakeUpstream, headers: list[tuple[str, str]]
) -> None:
    response = bad(shared_gateway, request_bytes("POST", "/echo", headers) + b"0\r\n\r\n")
    assert response.status == 400
    assert google.requests == []
    assert exchange(shared_gateway.url, "GET", "/echo").status == 200


def test_64_kilobytes_of_headers_are_refused_or_arrive(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    many = [(f"X-Long-{n}", "v" * 1000) for n in range(64)]
    with RawClient(shared_gateway.url) as client:
        client.send(request_bytes("GET", "/echo", many))
        response = client.read_response()
    assert response.status in (200, 400, 431)
    assert len(google.requests) == (1 if response.status == 200 else 0)
    assert all(len(request.headers) > 64 for request in google.requests)
    assert exchange(shared_gateway.url, "GET", "/echo").status == 200


def test_one_header_of_64_kilobytes_is_refused_or_arrives(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    response = bad(shared_gateway, request_bytes("GET", "/echo", [("X-Long", "v" * 65536)]))
    assert response.status in (200, 400, 431)
    assert [request.value("x-long") for request in google.requests] == ["v" * 65536] * (
        response.status == 200
    )
    assert exchange(shared_gateway.url, "GET", "/echo").status == 200


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_stops_half_way_never_counts_as_whole(
    shared_gateway: Gateway, google: FakeUpstream, framing: str
) -> None:
    half = b"32\r\nhalf" if "chunked" in framing else b"half"
    with RawClient(shared_gateway.url) as client:
        client.send(f"POST /echo/half HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n".encode() + half)
    for _ in range(2):
        assert exchange(shared_gateway.url, "GET", "/echo/whole").status == 200
    assert [request.path for request in google.requests if request.is_complete] == [
        "/echo/whole"
    ] * 2


@pytest.mark.parametrize(
    "junk",
    [b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00", b"G\x00T /echo HTTP/1.1\r\n\r\n"],
)
def test_bytes_that_are_no_request_harm_nothing(
    shared_gateway: Gateway, google: FakeUpstream, junk: bytes
) -> None:
    with RawClient(shared_gateway.url) as client:
        client.send(junk)
    assert exchange(shared_gateway.url, "GET", "/echo").status == 200
    assert [request.path for request in google.requests] == ["/echo"]
