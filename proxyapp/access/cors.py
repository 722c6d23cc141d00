"""Browser apps of other sites (CORS).

With client tokens whoever holds one may ask from any page. A browser asks first whether it may, and
can show no token then. The answer is the same whatever stands in the question, so it tells nobody
which tokens are good, and costs no key. Cookies are never allowed.

Without tokens only the pages that may ask at all (see `page_origins`) may read answers: a page of
another site must not even read a refusal (see `anonymous`).
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from proxyapp.access.page_origins import may_ask, origin_of
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import PreflightAsked
from proxyapp.vocabulary.kept_settings import kept

ORIGIN, METHOD, HEADERS = (
    b"origin",
    b"access-control-request-method",
    b"access-control-request-headers",
)
# An answer is always the same: ten minutes spare a page nearly all of its questions.
KEPT_SECONDS = 600
ALLOW, EXPOSE = "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"
EXPOSED = "Retry-After, x-should-retry"
LOWER_ALLOW = ALLOW.lower().encode()
OF_ORIGIN = (b"Vary", b"Origin")
# What else a page is to read, where an answer has it.
EXPOSED_IF_THERE = (
    *(b"x-gateway-projects", b"x-gateway-model", b"location"),
    *(b"x-gateway-key", b"x-gateway-group", b"x-gateway-attempts"),
    *(b"x-goog-upload-url", b"x-goog-upload-status", b"x-goog-upload-chunk-granularity"),
    *(b"x-goog-upload-control-url", b"x-goog-upload-size-received"),
)


def check_preflight(scope: Mapping[str, Any], *, has_tokens: bool = True) -> None:
    """Raises PreflightAsked for a browser's question; another OPTIONS is a request as any other.

    Without tokens so is the question of a page that may not read the answer.
    """
    headers = scope["headers"]
    reader = b"*" if has_tokens else allowed_reader(headers)
    asked = dict(headers)
    if reader and ORIGIN in asked and METHOD in asked:
        raise PreflightAsked(
            asked[METHOD].decode("latin-1"),
            asked.get(HEADERS, b"").decode("latin-1"),
            reader.decode("latin-1"),
        )


def preflight_response(asked: PreflightAsked) -> HttpResponse:
    """By name, for `*` stands for no `Authorization`."""
    response = HttpResponse(status=204)
    del response["Content-Type"]
    _allow(response, asked.reader)
    if asked.method.isascii():
        response["Access-Control-Allow-Methods"] = asked.method
    if asked.headers.isascii():
        response["Access-Control-Allow-Headers"] = asked.headers
    response["Access-Control-Max-Age"] = str(KEPT_SECONDS)
    return response


def let_read(response: HttpResponse, asked: list[Header], *, has_tokens: bool) -> None:
    """Lets a page read an answer of the gateway's own: of any site where tokens are asked for."""
    reader = "*" if has_tokens else allowed_reader(asked).decode("latin-1")
    if reader:
        _allow(response, reader)
        response[EXPOSE] = EXPOSED


def let_read_relayed(asked: list[Header], answer: list[Header]) -> None:
    """Lets a page with a token read an upstream's answer, unless the upstream says who may."""
    if origin_of(asked) is not None and not any(name.lower() == LOWER_ALLOW for name, _ in answer):
        answer += [(ALLOW.encode(), b"*"), (EXPOSE.encode(), _exposed(answer))]


def let_allowed_read(asked: list[Header], answer: list[Header]) -> None:
    """Lets a page that may ask without a token read an upstream's answer, whatever that says."""
    reader = allowed_reader(asked)
    if reader:
        answer[:] = [header for header in answer if header[0].lower() != LOWER_ALLOW]
        answer += [(ALLOW.encode(), reader), (EXPOSE.encode(), _exposed(answer)), OF_ORIGIN]


def _exposed(answer: list[Header]) -> bytes:
    there = {name.lower() for name, _ in answer}
    return b", ".join((EXPOSED.encode(), *(name for name in EXPOSED_IF_THERE if name in there)))


def allowed_reader(asked: list[Header]) -> bytes:
    """The origin of a page that needs no token; empty: it is none, or may not."""
    origin = origin_of(asked)
    if origin is None:
        return b""
    text = origin.decode("latin-1")
    return origin if may_ask(text, kept.ALLOWED_HOSTS, kept.ALLOWED_ORIGINS) else b""


def _allow(response: HttpResponse, reader: str) -> None:
    response[ALLOW] = reader
    if reader != "*":
        response["Vary"] = "Origin"
