"""What the admin answers while the database is away.

No page can be made then, and none shall wait for it.
"""

import sys
from collections.abc import Callable
from io import BytesIO

from django.core.handlers.asgi import ASGIRequest
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.views.defaults import server_error as django_server_error

from proxyapp import runtime
from proxyapp.admin.page_headers import BARE_PAGE
from proxyapp.database.outage import reason_of, tells_of_an_outage
from proxyapp.ledger.writer import Writing
from proxyapp.vocabulary.asgi import Scope
from proxyapp.vocabulary.languages import language_of
from proxyapp.vocabulary.told import shown

# The page loads itself again: soon, for the database is back at any moment, yet seldom enough.
RETRY_SECONDS = 5


async def away_page(scope: Scope) -> HttpResponse | None:
    """None: the database is there, as far as this process knows."""
    current = runtime.current()
    if current is None or current.threads.outage is None:
        return None
    spooled, problems = await current.writing.report()
    with translation.override(language_of(ASGIRequest(scope, BytesIO()))):
        return away_response(current.threads.outage.reason, spooled, problems)


def away_response(reason: str, spooled: int, problems: list[str]) -> HttpResponse:
    text = render_to_string(
        "admin/database_away.html",
        {
            "reason": shown(reason),
            "spooled": spooled,
            "problems": [shown(problem) for problem in problems],
            "retry_seconds": RETRY_SECONDS,
        },
    )
    return HttpResponse(text, status=503, headers={**BARE_PAGE, "Retry-After": str(RETRY_SECONDS)})


class DatabaseAwayMiddleware:
    """For the page that finds it out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return found_out(error)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500. What middleware raises comes here only."""
    error = sys.exc_info()[1]
    return (found_out(error) if error else None) or django_server_error(request)


def found_out(error: BaseException) -> HttpResponse | None:
    """None: it is another error, and a bug."""
    if not isinstance(error, DatabaseError) or not tells_of_an_outage(error):
        return None
    current = runtime.current()
    writing: Writing | None = current.writing if current else None
    return away_response(
        reason_of(error), writing.waiting if writing else 0, writing.problems if writing else []
    )
