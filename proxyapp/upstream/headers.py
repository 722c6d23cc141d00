"""Which headers and query parameters cross the gateway. Nothing else in the project adds or removes
one.

Names arrive in lower case (ASGI).
"""

from collections.abc import Callable
from typing import Final

from proxyapp.provider.codings import READ_CODINGS
from proxyapp.upstream import hops
from proxyapp.upstream.front_headers import is_of_front, is_order_to_front
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.auth_places import HOP_BY_HOP
from proxyapp.vocabulary.remembered import remembered

CREDENTIALS: Final = frozenset({b"authorization", b"x-goog-api-key", b"x-api-key", b"api-key"})
# What a client calls its conversation; the gateway's own.
SESSION_HEADER: Final = b"x-gateway-session"
# The gateway has read the whole body before it asks the upstream, so there is nothing left to
# expect. A project that a client names beside the gateway's key makes Google refuse the key.
NOT_TO_UPSTREAM: Final = (
    HOP_BY_HOP
    | CREDENTIALS
    | {b"host", b"content-length", b"expect", b"x-goog-user-project", hops.HEADER, SESSION_HEADER}
)
# A session of one key must never reach a client, and so another key.
# Nor may an upstream speak for the whole host: the admin is on it. A request has one id, and that
# is the gateway's, as are the names of its keys.
NOT_TO_CLIENT: Final = HOP_BY_HOP | {
    b"set-cookie",
    b"alt-svc",
    b"clear-site-data",
    b"strict-transport-security",
    b"nel",
    b"report-to",
    b"x-request-id",
    b"x-gateway-key",
    b"x-gateway-group",
    b"x-gateway-attempts",
}
# For nginx, which collects answers. One without a length may be a stream, whatever its type says:
# `streamGenerateContent` without `alt=sse` is JSON.
UNBUFFERED: Final = (b"X-Accel-Buffering", b"no")
# What a browser runs the scripts of: they would be the admin's own origin, with the operator's
# session.
PAGE_TYPES: Final = (b"html", b"xml", b"svg")
SANDBOX: Final = (b"Content-Security-Policy", b"sandbox")
OWN_COOKIES: Final = frozenset(
    {b"gateway_session", b"gateway_csrf", b"gateway_browser", b"gateway_language"}
)
# What nearly every client's `Connection` says.
LISTS_NONE: Final = frozenset({b"keep-alive", b"close"})
# More names than programs use. What a stranger makes up costs no more memory than this.
MOST_NAMES: Final = 512
LONGEST_NAME: Final = 64


class Decided(dict[bytes, bool]):
    """Whether a header of that name stays here, decided once.

    To some programs an underscore in a name is a hyphen (CGI, WSGI).
    """

    def __init__(self, is_dropped: Callable[[bytes], bool]) -> None:
        super().__init__()
        self._is_dropped = is_dropped

    def __missing__(self, name: bytes) -> bool:
        is_dropped = self._is_dropped(name.lower().replace(b"_", b"-"))
        if len(name) <= LONGEST_NAME:
            if len(self) >= MOST_NAMES:
                self.clear()
            self[name] = is_dropped
        return is_dropped


NOT_SENT_ON: Final = Decided(lambda name: name in NOT_TO_UPSTREAM or is_of_front(name))
NOT_SENT_BACK: Final = Decided(lambda name: name in NOT_TO_CLIENT or is_order_to_front(name))


def to_upstream(
    headers: list[Header], *, host: bytes, body_length: int | None, credentials: list[Header]
) -> list[Header]:
    """The client's headers as the upstream may see them. `body_length` None: the request has no
    body.

    A page that was opened with `?key=` names it in the Referer of all that it asks for: its query
    stays here. (Keys may be restricted to a site: the rest is needed.)
    """
    named = named_by_connection(headers)
    kept = [(b"host", host)]
    for name, value in headers:
        if NOT_SENT_ON[name] or (named and is_named(name, named)):
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
    for name, _ in credentials:
        if name not in CREDENTIALS:
            kept = without_header(kept, name)
    kept += credentials
    return kept


def without_header(headers: list[Header], name: bytes) -> list[Header]:
    """The operator names where the key goes: what a client has put there does not stand beside."""
    plain = name.replace(b"_", b"-")
    return [header for header in headers if header[0].lower().replace(b"_", b"-") != plain]


def to_client(headers: list[Header]) -> list[Header]:
    """The upstream's headers as the client may see them, in their order, repeated ones kept."""
    named = named_by_connection(headers)
    kept, is_sandboxed = [], False
    for header in headers:
        name = header[0]
        if NOT_SENT_BACK[name] or (named and is_named(name.lower(), named)):
            continue
        kept.append(header)
        if len(name) == 12 and name.lower() == b"content-type":
            is_sandboxed = is_sandboxed or is_page(header[1])
    if is_sandboxed:
        kept.append(SANDBOX)
    return kept


def let_stream(answer: list[Header]) -> None:
    """Tells the proxy in front not to collect an answer whose end is unknown at its start."""
    for name, _ in answer:
        if len(name) == 14 and name.lower() == b"content-length":
            return
    answer.append(UNBUFFERED)


def readable_codings(value: bytes) -> bytes:
    """Of what a client accepts. `*` could be anything (RFC 9110, section 12.5.3)."""
    kept = [
        part
        for part in value.split(b",")
        if part.partition(b";")[0].strip().lower() in READ_CODINGS
    ]
    return b",".join(kept).strip() or b"identity"


@remembered
def is_page(content_type: bytes) -> bool:
    content_type = content_type.lower()
    return any(word in content_type for word in PAGE_TYPES)


def named_by_connection(headers: list[Header]) -> set[bytes]:
    """The header names that `Connection` lists: they are for this connection only, too."""
    named: set[bytes] = set()
    for name, value in headers:
        if len(name) == 10 and name.lower() == b"connection" and value not in LISTS_NONE:
            named.update(token.strip().lower() for token in value.split(b","))
    return named


def is_named(name: bytes, named: set[bytes]) -> bool:
    return name in named or name.replace(b"_", b"-") in named


def without_own_cookies(value: bytes) -> bytes:
    """A browser sends the admin's session cookie to every path of this host: it stays here."""
    pairs = [pair.strip() for pair in value.split(b";")]
    return b"; ".join(pair for pair in pairs if pair.partition(b"=")[0] not in OWN_COOKIES)
