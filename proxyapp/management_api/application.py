"""The management API as one application: its parts, and how it answers what goes wrong."""

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import Error as DatabaseError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, URLResolver
from django.urls.resolvers import RegexPattern
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as NotValid

from proxyapp.config.contents import ConfigError
from proxyapp.config.one_row import by_field
from proxyapp.database.outage import reason_of, tells_of_an_outage
from proxyapp.management_api import (
    client_tokens,
    describing,
    groups,
    keys,
    records,
    requests,
    usage,
)
from proxyapp.management_api.outages import database_away
from proxyapp.management_api.problems import ApiRefusal, problem

CHECK = "Nothing was changed: see errors."
# A NUL, and half of a letter (a surrogate), as bytes and as JSON writes them; with its other half
# beside it, it is a letter.
UNTEXT = re.compile(
    rb"\x00|\xed[\xa0-\xbf]"
    rb"|\\u(?:0000|[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u)[dD][c-fC-F])"
)
UNKNOWN = "There is no such path. GET /admin/api/openapi.json describes those there are."
TAKEN = "This is there already, or was changed at the same moment. Nothing was changed."

api = NinjaAPI(
    title="Gemini Key Gateway: management API",
    version="1",
    docs_url=None,
    openapi_url=None,
    urls_namespace="management_api",
)
api.add_router("/keys", keys.router)
api.add_router("/groups", groups.router)
api.add_router("/tokens", client_tokens.router)
api.add_router("/requests", requests.router)
api.add_router("/usage", usage.router)
api.add_router("", records.router)


def answer(request: HttpRequest, rest: str) -> HttpResponseBase:
    if UNTEXT.search(request.body) or "%00" in request.META.get("QUERY_STRING", ""):
        return problem(422, "No name and no setting has a NUL or half of a letter: leave it out.")
    if rest in describing.PAGES:
        return shielded(lambda: describing.PAGES[rest](request, api), request)
    try:
        match = _resolver.resolve(rest)
    except Resolver404:
        return problem(404, UNKNOWN)
    return shielded(lambda: match.func(request, *match.args, **match.kwargs), request)


def shielded(work: Callable[[], HttpResponseBase], request: HttpRequest) -> HttpResponseBase:
    """Rights are asked for outside of what ninja catches."""
    try:
        response = work()
    except ApiRefusal as refused:
        response = refusal(request, refused)
    except DatabaseError as error:
        response = of_database(request, error)
    if response.status_code == 405:
        return problem(405, "This path does not take this method.", headers=_allowed(response))
    return response


def _allowed(response: HttpResponseBase) -> dict[str, str]:
    return {"Allow": response["Allow"]} if "Allow" in response else {}


def refusal(request: HttpRequest, refused: ApiRefusal) -> HttpResponse:
    headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
    return problem(refused.status, str(refused), refused.fields, headers)


def not_valid(request: HttpRequest, error: NotValid) -> HttpResponse:
    """By its place alone: what was sent is not repeated."""
    fields = [(_place(one["loc"]), str(one["msg"])) for one in error.errors]
    return problem(422, CHECK, fields)


def _place(location: tuple[Any, ...]) -> str:
    """Without `body` and the name of the operation's parameter."""
    inner = location[2:] if location[0] == "body" else location[1:]
    return ".".join(map(str, inner or location[:1]))


def not_taken(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = [(name, text) for name, texts in error.message_dict.items() for text in texts]
    return problem(422, CHECK, fields)


def of_config(request: HttpRequest, error: ConfigError) -> HttpResponse:
    return problem(422, CHECK, by_field(error))


def conflict(request: HttpRequest, error: IntegrityError) -> HttpResponse:
    return problem(409, TAKEN)


def of_database(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    if not tells_of_an_outage(error):
        raise error
    return database_away(reason_of(error))


def of_ninja(request: HttpRequest, error: HttpError) -> HttpResponse:
    words = "The body is no JSON object." if error.status_code == 400 else str(error)
    return problem(error.status_code, words)


for kind, handler in {
    ApiRefusal: refusal,
    NotValid: not_valid,
    ValidationError: not_taken,
    ConfigError: of_config,
    IntegrityError: conflict,
    DatabaseError: of_database,
    HttpError: of_ninja,
}.items():
    api.add_exception_handler(kind, handler)  # type: ignore[arg-type]

_resolver = URLResolver(RegexPattern(r"^"), api.urls[0])
