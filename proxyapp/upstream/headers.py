"""Which headers and query parameters cross the gateway. Nothing else in the project adds or removes
one.

Names arrive in lower case (ASGI). RFC 9110, section 7.6.1, says what belongs to one connection
only.
"""

from proxyapp.provider.codings import READ_CODINGS
from proxyapp.vocabulary.asgi import Header

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
CREDENTIALS = frozenset({b"authorization", b"x-goog-api-key", b"x-api-key"})
# The gateway has read the whole body before it asks the upstream, so there is nothing left to
# expect. A project that a client names beside the gateway's key makes Google refuse the key.
NOT_TO_UPSTREAM = (
    HOP_BY_HOP | CREDENTIALS | {b"host", b"content-length", b"expect", b"x-goog-user-project"}
)
# A session of one key must never reach a client, and so another key.
# Nor may an upstream speak for the whole host: the admin is on it.
NOT_TO_CLIENT = HOP_BY_HOP | {
    b"set-cookie",
    b"alt-svc",
    b"clear-site-data",
    b"strict-transport-security",
}
# What a browser runs the scripts of: they would be the admin's own origin, with the operator's
# session.
PAGE_TYPES = (b"html", b"xml", b"svg")
SANDBOX = (b"Content-Security-Policy", b"sandbox")
OWN_COOKIES = frozenset({b"gateway_session", b"gateway_csrf", b"gateway_browser"})


def to_upstream(
    headers: list[Header], *, host: bytes, body_length: int | None, credentials: list[Header]
) -> list[Header]:
    """The client's headers as the upstream may see them. `body_length` None: the request has no
    body.

    To some upstreams an underscore in a name is a hyphen (CGI, WSGI). A page that was opened with
    `?key=` names it in the Referer of all that it asks for: its query stays here. (Keys may be
    restricted to a site: the rest is needed.)
    """
    dropped = NOT_TO_UPSTREAM | named_by_connection(headers)
    kept = [(b"host", host)]
    for name, value in headers:
        if name in dropped or (b"_" in name and name.replace(b"_", b"-") in dropped):
            continue
        if name == b"cookie" or name == b"referer":
            value = without_own_cookies(value) if name == b"cookie" else value.partition(b"?")[0]
            if not value:
                continue
        elif name == b"accept-encoding":
            value = readable_codings(value)
        kept.append((name, value))
    if body_length is not None:
        kept.append((b"content-length", b"%d" % body_length))
    kept += credentials
    return kept


def to_client(headers: list[Header]) -> list[Header]:
    """The upstream's headers as the client may see them, in their order, repeated ones kept."""
    named = named_by_connection(headers)
    dropped = NOT_TO_CLIENT | named if named else NOT_TO_CLIENT
    kept = [header for header in headers if header[0].lower() not in dropped]
    if is_page(kept):
        kept.append(SANDBOX)
    return kept


def readable_codings(value: bytes) -> bytes:
    """Of what a client accepts. `*` could be anything (RFC 9110, section 12.5.3)."""
    kept = [
        part
        for part in value.split(b",")
        if part.partition(b";")[0].strip().lower() in READ_CODINGS
    ]
    return b",".join(kept).strip() or b"identity"


def is_page(headers: list[Header]) -> bool:
    types = [
        value.lower()
        for name, value in headers
        if len(name) == 12 and name.lower() == b"content-type"
    ]
    return any(word in value for value in types for word in PAGE_TYPES)


def named_by_connection(headers: list[Header]) -> set[bytes]:
    """The header names that `Connection` lists: they are for this connection only, too."""
    named: set[bytes] = set()
    for name, value in headers:
        if len(name) == 10 and name.lower() == b"connection":
            named.update(token.strip().lower() for token in value.split(b","))
    return named


def without_own_cookies(value: bytes) -> bytes:
    """A browser sends the admin's session cookie to every path of this host: it stays here."""
    pairs = [pair.strip() for pair in value.split(b";")]
    return b"; ".join(pair for pair in pairs if pair.partition(b"=")[0] not in OWN_COOKIES)
