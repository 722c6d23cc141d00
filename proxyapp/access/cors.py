"""Browser apps of other sites (CORS): whoever holds a token may ask from any page.

A browser asks first whether it may, and can show no token then. The answer is the same whatever
stands in the question, so it tells nobody which tokens are good, and costs no key. Cookies are
never allowed. Without tokens nothing of this holds: there a page of another site must not even read
a refusal (see `anonymous`).
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import PreflightAsked

ORIGIN, METHOD, HEADERS = (
    b"origin",
    b"access-control-request-method",
    b"access-control-request-headers",
)
# An answer is always the same: ten minutes spare a page nearly all of its questions.
KEPT_SECONDS = 600
ALLOW, EXPOSE = "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"
EXPOSED = "Retry-After, x-should-retry"
READABLE = [(ALLOW.encode(), b"*"), (EXPOSE.encode(), EXPOSED.encode())]


def check_preflight(scope: Mapping[str, Any]) -> None:
    """Raises PreflightAsked for a browser's question; another OPTIONS is a request as any other."""
    asked = dict(scope["headers"])
    if ORIGIN in asked and METHOD in asked:
        raise PreflightAsked(
            asked[METHOD].decode("latin-1"), asked.get(HEADERS, b"").decode("latin-1")
        )


def preflight_response(asked: PreflightAsked) -> HttpResponse:
    """By name, for `*` stands for no `Authorization`."""
    response = HttpResponse(status=204)
    del response["Content-Type"]
    response[ALLOW] = "*"
    if asked.method.isascii():
        response["Access-Control-Allow-Methods"] = asked.method
    if asked.headers.isascii():
        response["Access-Control-Allow-Headers"] = asked.headers
    response["Access-Control-Max-Age"] = str(KEPT_SECONDS)
    return response


def let_read(response: HttpResponse) -> None:
    """Lets pages of any site read an answer of the gateway's own."""
    response[ALLOW] = "*"
    response[EXPOSE] = EXPOSED


def let_read_relayed(asked: list[Header], answer: list[Header]) -> None:
    """Lets a page with a token read an upstream's answer, unless the upstream says who may."""
    for name, _ in asked:
        if name == ORIGIN:
            break
    else:
        return
    if not any(name.lower() == b"access-control-allow-origin" for name, _ in answer):
        answer += READABLE
