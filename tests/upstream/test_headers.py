"""What crosses the gateway, header by header."""

import pytest
from django.conf import settings

from proxyapp.provider.credentials import credentials, with_key, without_key
from proxyapp.upstream.front_headers import FRONTS
from proxyapp.upstream.headers import (
    LONGEST_NAME,
    MOST_NAMES,
    NOT_SENT_ON,
    let_stream,
    to_client,
    to_upstream,
)


def sent(headers, *, body_length=None, keys=()):
    return to_upstream(headers, host=b"up:81", body_length=body_length, credentials=list(keys))


def test_every_credential_of_the_client_is_stripped():
    mine = [
        (b"authorization", b"Bearer x"),
        (b"x-goog-api-key", b"x"),
        (b"x-api-key", b"x"),
        (b"accept", b"*/*"),
    ]

    assert sent(mine, keys=[(b"x-goog-api-key", b"K")]) == [
        (b"host", b"up:81"),
        (b"accept", b"*/*"),
        (b"x-goog-api-key", b"K"),
    ]


def test_headers_of_one_connection_stay_here_also_those_that_connection_names():
    mine = [
        (b"connection", b"close, X-Secret , te"),
        (b"x-secret", b"1"),
        (b"keep-alive", b"5"),
        (b"te", b"trailers"),
        (b"trailer", b"x"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"proxy-authorization", b"Basic x"),
        (b"proxy-connection", b"close"),
        (b"expect", b"100-continue"),
        (b"x-kept", b"2"),
    ]

    assert sent(mine) == [(b"host", b"up:81"), (b"x-kept", b"2")]


def test_connection_cannot_name_away_what_the_gateway_sets():
    mine = [(b"connection", b"host, content-length, x-goog-api-key"), (b"content-length", b"3")]

    assert sent(mine, body_length=3, keys=[(b"x-goog-api-key", b"K")]) == [
        (b"host", b"up:81"),
        (b"content-length", b"3"),
        (b"x-goog-api-key", b"K"),
    ]


def test_repeated_headers_are_kept_in_order():
    assert sent([(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3")])[1:] == [
        (b"x-a", b"1"),
        (b"x-b", b"2"),
        (b"x-a", b"3"),
    ]


@pytest.mark.parametrize(
    ("accepted", "asked"),
    [
        (b"gzip, deflate, br, zstd", b"gzip, deflate"),
        (b"br;q=1.0, GZIP;q=0.8, *;q=0.1", b"GZIP;q=0.8"),
        (b"br", b"identity"),
        (b"", b"identity"),
        (b"identity;q=0, gzip", b"identity;q=0, gzip"),
    ],
)
def test_an_upstream_is_asked_for_codings_only_that_the_gateway_reads(
    accepted: bytes, asked: bytes
):
    assert sent([(b"accept-encoding", accepted)])[1:] == [(b"accept-encoding", asked)]


def test_the_admins_cookies_never_reach_an_upstream():
    assert sent([(b"cookie", b"gateway_session=s; a=b; gateway_csrf=t")])[1:] == [
        (b"cookie", b"a=b")
    ]
    assert sent([(b"cookie", b"gateway_session=s")])[1:] == []


@pytest.mark.parametrize(
    "setting", [name for name in dir(settings) if name.endswith("COOKIE_NAME")]
)
def test_no_cookie_of_the_admin_does_whatever_it_is_for(setting: str):
    cookie = f"{getattr(settings, setting)}=x".encode()

    assert sent([(b"cookie", cookie)])[1:] == []


def test_the_query_of_a_referer_may_have_a_token_and_stays_here():
    pages = [
        b"http://up/a?key=gk-x",
        b"http://up/b?k%65y=gk-x&c=d",
        b"?key=gk-x",
        b"https://site.example/c",
    ]

    went = sent([(b"referer", page) for page in pages])[1:]

    assert [value for _, value in went] == [
        b"http://up/a",
        b"http://up/b",
        b"https://site.example/c",
    ]


def test_an_upstreams_cookies_and_connection_headers_never_reach_a_client():
    answer = [
        (b"Set-Cookie", b"a=b"),
        (b"Connection", b"keep-alive, X-Hop"),
        (b"X-Hop", b"1"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Vary", b"a"),
        (b"vary", b"b"),
    ]

    assert to_client(answer) == [(b"Vary", b"a"), (b"vary", b"b")]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (b"key=K", None),
        (b"alt=sse&key=K", b"alt=sse"),
        (b"key=K&alt=sse", b"alt=sse"),
        (b"a=1&key=K&b=", b"a=1&b="),
        (b"&key=K", b""),
        (b"%6bey=K&a=%2F", b"a=%2F"),
        (b"key", None),
        (b"keys=1&monkey=2&Key=3", b"keys=1&monkey=2&Key=3"),
        (b"a=&&b=+&c=%zz&=x", b"a=&&b=+&c=%zz&=x"),
        (b"q=\xff", b"q=\xff"),
        (b"", b""),
    ],
)
def test_only_the_key_leaves_the_query(query, kept):
    assert without_key(query) == kept


@pytest.mark.parametrize(
    ("auth", "is_openai", "names"),
    [
        ("google", False, [b"x-goog-api-key"]),
        ("google", True, [b"authorization"]),
        ("both", False, [b"authorization", b"x-goog-api-key"]),
        ("both", True, [b"authorization", b"x-goog-api-key"]),
        ("bearer", False, [b"authorization"]),
        ("x-goog-api-key", True, [b"x-goog-api-key"]),
    ],
)
def test_each_way_to_authenticate_sends_its_headers(auth, is_openai, names):
    headers = credentials(auth, b"K", is_openai=is_openai)

    assert [name for name, _ in headers] == names
    assert all(value in (b"K", b"Bearer K") for _, value in headers)


@pytest.mark.parametrize(
    ("types", "is_sandboxed"),
    [
        ([b"application/json; charset=UTF-8"], False),
        ([b"text/event-stream"], False),
        ([b"text/HTML;charset=utf-8"], True),
        ([b"application/xhtml+xml"], True),
        ([b"image/svg+xml"], True),
        ([b"application/json, text/html"], True),
        ([b"application/json", b"text/html"], True),
    ],
)
def test_a_page_of_an_upstream_runs_no_script_beside_the_admin(types, is_sandboxed):
    kept = to_client([(b"Content-Type", value) for value in types])

    assert ((b"Content-Security-Policy", b"sandbox") in kept) is is_sandboxed


def test_no_header_of_an_upstream_speaks_for_the_whole_host():
    said = [
        (b"Alt-Svc", b"h3"),
        (b"Clear-Site-Data", b"*"),
        (b"Strict-Transport-Security", b"max-age=0"),
    ]

    assert to_client([(b"Content-Type", b"application/json"), *said]) == [
        (b"Content-Type", b"application/json")
    ]


def named_alike(words: str) -> list[bytes]:
    return [word.replace("*", "anything").encode() for word in words.split()]


@pytest.mark.parametrize("front", FRONTS, ids=[front.who for front in FRONTS])
def test_nothing_that_a_front_adds_is_sent_on_in_any_spelling(front):
    names = named_alike(front.names)
    spelt = [*names, *(name.replace(b"-", b"_") for name in names)]

    assert sent([(name, b"203.0.113.7") for name in spelt]) == [(b"host", b"up:81")]
    assert front.source
    assert front.names == front.names.lower()


@pytest.mark.parametrize(
    "name",
    b"x-forwarded-for x-forwarded-proto x-forwarded-anything forwarded x-real-ip"
    b" cf-connecting-ip cf-ray cf-visitor cf-ipcountry cf-access-authenticated-user-email"
    b" cdn-loop via true-client-ip fastly-client-ip x-azure-fdid x-fd-healthprobe x-arr-log-id"
    b" x-amzn-trace-id x-amz-cf-id cloudfront-viewer-address x-appengine-user-ip"
    b" x-cloud-trace-context akamai-origin-hop fly-client-ip x-vercel-id"
    b" x-nf-client-connection-ip x-envoy-external-address x-original-url x-rewrite-url"
    b" x-proxyuser-ip x-varnish x-request-start x-sendfile-type tailscale-user-login"
    b" remote-user x-auth-request-email x-ssl-client-s-dn ssl-client-cert x-client-cert"
    b" x-goog-iap-jwt-assertion x-ms-client-principal-name proxy-client-ip".split(),
)
def test_clients_addresses_and_names_stay_here(name: bytes):
    assert sent([(name, b"somebody")]) == [(b"host", b"up:81")]


@pytest.mark.parametrize(
    "name",
    b"x-goog-api-client x-goog-upload-protocol x-goog-request-params anthropic-version"
    b" anthropic-beta openai-organization openai-beta user-agent x-stainless-os traceparent"
    b" tracestate x-request-id http-referer x-title x-amz-date x-amzn-bedrock-trace"
    b" cf-aig-metadata x-ms-client-request-id x-client-name x-client-version"
    b" x-http-method-override helicone-auth idempotency-key range if-none-match"
    b" content-encoding accept-language".split(),
)
def test_what_a_client_says_to_an_api_goes_on(name: bytes):
    assert sent([(name, b"1")])[1:] == [(name, b"1")]


def test_names_that_a_stranger_makes_up_cost_no_memory():
    for number in range(3 * MOST_NAMES):
        sent([(b"x-%d" % number, b"1"), (b"x-" + b"a" * LONGEST_NAME + b"%d" % number, b"1")])

    assert len(NOT_SENT_ON) <= MOST_NAMES
    assert max(map(len, NOT_SENT_ON)) <= LONGEST_NAME
    assert sent([(b"x-forwarded-for", b"1")])[1:] == []


@pytest.mark.parametrize(
    "name",
    b"X-Accel-Redirect x-accel-buffering X-Accel-Expires X-Sendfile X-Sendfile-Temporary"
    b" X-Sendfile2 X-LIGHTTPD-send-file X-LiteSpeed-Location X-Reproxy-URL X_Accel_Redirect"
    b" fly-replay X-Middleware-Rewrite Surrogate-Control X-Envoy-Immediate-Health-Check-Fail"
    b" NEL Report-To".split(),
)
def test_no_answer_gives_orders_to_the_proxy_in_front(name: bytes):
    assert to_client([(name, b"/etc/passwd"), (b"Via", b"1.1 google")]) == [(b"Via", b"1.1 google")]


@pytest.mark.parametrize(
    ("name", "is_marked"), [(b"Content-Length", False), (b"Content-Type", True), (b"vary", True)]
)
def test_an_answer_without_a_length_is_not_to_be_collected(name: bytes, is_marked: bool):
    answer = [(name, b"1")]

    let_stream(answer)

    assert ((b"X-Accel-Buffering", b"no") in answer) is is_marked


def test_a_header_that_the_operator_names_holds_the_key_and_nothing_of_the_client():
    mine = [(b"x-my-key", b"x"), (b"x_my_key", b"x"), (b"x-my-keys", b"kept")]

    assert sent(mine, keys=credentials("header:X-My-Key", b"K", is_openai=False)) == [
        (b"host", b"up:81"),
        (b"x-my-keys", b"kept"),
        (b"x-my-key", b"K"),
    ]


def test_the_parameter_that_the_operator_names_replaces_the_clients_however_it_is_written():
    target = with_key(b"/x?a=%26&API_KEY=1&api%5Fkey=2&&api_key", "query:api_key", "k/+")

    assert target == b"/x?a=%26&api_key=k%2F%2B"


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (b"x=1;api_key=2", b"x=1&"),
        (b"api_key=1;x=2;Api%5FKey=3", b"x=2&"),
        (b"api_key[]=1&api_key%5B0%5D=2&+api_key=3&api_key%00=4", b""),
        (b"x=1;y=2&my_api_key=3", b"x=1;y=2&my_api_key=3&"),
    ],
)
def test_no_program_reads_another_key_beside_it(query: bytes, left: bytes):
    assert with_key(b"/x?" + query, "query:api_key", "K") == b"/x?" + left + b"api_key=K"


def test_what_a_client_calls_its_conversation_stays_here():
    mine = [(b"x-gateway-session", b"thread-7"), (b"x_gateway_session", b"7"), (b"accept", b"*/*")]

    assert sent(mine) == [(b"host", b"up:81"), (b"accept", b"*/*")]
