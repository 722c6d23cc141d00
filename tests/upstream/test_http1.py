"""The bytes of a request and the meaning of the bytes of a response, without any connection."""

import httpx
import pytest

from proxyapp.upstream.http1 import (
    MAX_HEAD_BYTES,
    BrokenResponse,
    Headers,
    ResponseReader,
    encode_request,
    is_request_sent,
)

HOST = b"upstream:8000"


def encode(
    headers: Headers | None = None,
    *,
    method: str = "GET",
    target: bytes = b"/",
    size: int | None = 0,
) -> bytes:
    return encode_request(method, target, HOST, headers or [], size)[0]


def read(*portions: bytes, method: str = "GET") -> ResponseReader:
    reader = ResponseReader(method)
    for portion in portions:
        reader.feed(memoryview(portion))
    return reader


# Requests.


def test_headers_go_out_verbatim_in_order_with_their_case_and_repeats() -> None:
    headers = [(b"X-B", b"1"), (b"host", b"h"), (b"x-a", b""), (b"X-b", b"2 \xff\x80")]
    expected = (
        b"PATCH /a%2Fb//c?x=+&y HTTP/1.1\r\nX-B: 1\r\nhost: h\r\nx-a: \r\nX-b: 2 \xff\x80\r\n\r\n"
    )
    assert encode(headers, method="PATCH", target=b"/a%2Fb//c?x=+&y") == expected


def test_only_a_missing_host_is_added() -> None:
    assert encode() == b"GET / HTTP/1.1\r\nHost: upstream:8000\r\n\r\n"


def test_a_body_without_a_declared_length_gets_one() -> None:
    assert b"\r\nContent-Length: 5\r\n" in encode(size=5)


def test_a_body_of_unknown_length_goes_out_in_chunks() -> None:
    head, length = encode_request("POST", b"/", HOST, [], None)
    assert b"\r\nTransfer-Encoding: chunked\r\n" in head
    assert length is None


def test_a_declared_length_is_not_repeated() -> None:
    head, length = encode_request("POST", b"/", HOST, [(b"Content-length", b"7")], None)
    assert head.lower().count(b"content-length") == 1
    assert b"ransfer" not in head
    assert length == 7


def test_an_empty_body_with_a_declared_length_of_zero_keeps_it() -> None:
    assert encode([(b"Content-Length", b"0")]).endswith(b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("name", [b"A: b\r\nX", b"A\nb", b"A b", b"A:", b"", b"A\0", b"\xff"])
def test_a_header_name_that_is_no_token_is_refused(name: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError) as caught:
        encode([(name, b"v")])
    assert not is_request_sent(caught.value)


@pytest.mark.parametrize("value", [b"a\r\nX: b", b"a\nb", b"a\rb", b"a\0b", b"a\r\n", b"\n"])
def test_a_header_value_with_a_line_break_or_nul_is_refused(value: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        encode([(b"X", value)])


@pytest.mark.parametrize("target", [b"/\r\nX: y", b"/ HTTP/1.1", b"/\n", b"/\0", b"/a\tb", b""])
def test_a_target_that_would_end_the_request_line_is_refused(target: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        encode(target=target)


@pytest.mark.parametrize("method", ["GET /", "GET\r\n", "", "GÄT"])
def test_a_method_that_is_no_token_is_refused(method: str) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        encode(method=method)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked")],
        [(b"Content-Length", b"3"), (b"content-length", b"3")],
        [(b"Content-Length", b"+3")],
        [(b"Content-Length", b"3, 3")],
        [(b"Content-Length", b"")],
        [(b"Content-Length", b"4")],
        [(b"Transfer-Encoding", b"gzip")],
        [(b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")],
    ],
)
def test_a_request_that_could_be_read_in_two_ways_is_refused(headers: Headers) -> None:
    with pytest.raises(httpx.LocalProtocolError) as caught:
        encode(headers, size=3)
    assert not is_request_sent(caught.value)


def test_errors_do_not_quote_the_request() -> None:
    with pytest.raises(httpx.LocalProtocolError) as caught:
        encode([(b"Authorization", b"Bearer SECRET\n")], target=b"/?key=SECRET")
    assert "SECRET" not in str(caught.value)


# Responses.


def test_a_response_is_the_same_in_any_portions() -> None:
    head = b"HTTP/1.1 203 Very Good\r\nX-a: 1\r\nx-A:  2 \r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = head + b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
    whole, bytewise = read(raw), read(*(raw[index : index + 1] for index in range(len(raw))))
    for reader in (whole, bytewise):
        assert (reader.status, reader.reason, reader.http_version) == (
            203,
            b"Very Good",
            b"HTTP/1.1",
        )
        assert reader.headers == [
            (b"X-a", b"1"),
            (b"x-A", b"2"),
            (b"Transfer-Encoding", b"chunked"),
        ]
        assert b"".join(reader.chunks) == b"abcd"
        assert reader.is_complete
        assert reader.is_reusable
    assert list(whole.chunks) == [b"abc", b"d"]


@pytest.mark.parametrize("status", [100, 102, 103])
def test_informational_responses_are_skipped(status: int) -> None:
    informational = b"HTTP/1.1 %d Info\r\nLink: </a>\r\n\r\n" % status
    reader = read(
        informational, informational + b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 0\r\n\r\n"
    )
    assert (reader.status, reader.reason) == (200, b"OK")
    assert reader.headers == [(b"X", b"y"), (b"Content-Length", b"0")]
    assert reader.is_reusable


def test_a_switch_of_protocols_is_broken() -> None:
    with pytest.raises(BrokenResponse):
        read(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nfoo")


@pytest.mark.parametrize("status", [b"000", b"099", b"600", b"999"])
def test_a_status_that_there_is_none_of_is_broken(status: bytes) -> None:
    with pytest.raises(BrokenResponse):
        read(b"HTTP/1.1 %b X\r\nContent-Length: 2\r\n\r\n" % status)


@pytest.mark.parametrize(
    "headers",
    [
        b"Transfer-Encoding: gzip",
        b"transfer-encoding: gzip, chunked",
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked, identity",
    ],
)
def test_a_body_in_a_transfer_coding_that_nobody_asked_for_is_broken(headers: bytes) -> None:
    """The client would get it without its label."""
    with pytest.raises(BrokenResponse, match="transfer coding"):
        read(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n0\r\n\r\n" % headers)


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body_whatever_their_headers_say(status: int) -> None:
    reader = read(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)
    assert reader.is_complete
    assert reader.is_reusable


@pytest.mark.parametrize(
    "header",
    [b"Content-Length: 5", b"Content-Length: 0", b"Transfer-Encoding: chunked", b"X: no length"],
)
def test_the_answer_to_head_ends_with_its_headers(header: bytes) -> None:
    reader = read(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % header, method="HEAD")
    assert reader.is_complete
    assert reader.is_reusable
    assert not reader.chunks


@pytest.mark.parametrize(
    ("head", "method"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "GET"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET"),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n", "HEAD"),
        (b"HTTP/1.0 200 OK\r\n\r\n", "HEAD"),
    ],
)
def test_a_server_that_closes_is_not_asked_again(head: bytes, method: str) -> None:
    reader = read(head, method=method)
    assert reader.is_complete
    assert not reader.is_reusable


def test_an_old_server_can_keep_the_connection() -> None:
    raw = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    assert read(raw).is_reusable
    assert read(raw[:-2], method="HEAD").is_reusable


@pytest.mark.parametrize("excess", [b"X", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_bytes_after_a_response_spoil_the_connection_but_not_the_response(
    excess: bytes, method: str
) -> None:
    body = b"ok" if method == "GET" else b""
    reader = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body + excess, method=method)
    assert reader.is_complete
    assert b"".join(reader.chunks) == body
    assert len(reader.headers) == 1
    assert not reader.is_reusable


@pytest.mark.parametrize("header", [b"X: y", b"Transfer-Encoding: identity"])
def test_a_body_without_a_length_lasts_until_the_connection_ends(header: bytes) -> None:
    reader = read(b"HTTP/1.1 200 OK\r\n%b\r\n\r\nbo" % header, b"dy")
    assert not reader.is_complete
    reader.feed_eof()
    assert reader.is_complete
    assert not reader.is_reusable
    assert b"".join(reader.chunks) == b"body"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ],
)
def test_an_end_before_the_end_is_broken(raw: bytes) -> None:
    reader = read(raw)
    with pytest.raises(BrokenResponse):
        reader.feed_eof()


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX y: z\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_not_http_is_broken(raw: bytes) -> None:
    with pytest.raises(BrokenResponse):
        read(raw)


def test_what_came_before_the_break_stays_readable() -> None:
    reader = ResponseReader("GET")
    with pytest.raises(BrokenResponse):
        reader.feed(
            memoryview(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n")
        )
    assert list(reader.chunks) == [b"abc"]


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"]
)
def test_headers_and_trailers_have_a_limit(start: bytes) -> None:
    lines = [b"X: %b\r\n" % (b"y" * 1000)] * (MAX_HEAD_BYTES // 1000 + 1)
    with pytest.raises(BrokenResponse):
        read(start, *lines)


def test_a_large_head_below_the_limit_passes() -> None:
    reader = read(b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n" % (b"y" * 200_000))
    assert len(reader.headers[0][1]) == 200_000


def test_trailers_are_not_headers() -> None:
    raw = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nSet-Cookie: a=b\r\n"
        b"\r\n"
    )
    assert read(raw).headers == [(b"Transfer-Encoding", b"chunked")]
