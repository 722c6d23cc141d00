"""`/metrics`, for Prometheus: an answer without Django's handler, which needs no database."""

from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpResponse

from proxyapp import runtime
from proxyapp.metrics.readers import may_read
from proxyapp.vocabulary.asgi import Scope

PATH = b"/metrics"
READING = ("GET", "HEAD")
PLAIN = "text/plain; charset=utf-8"
BARE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
HINT = (
    "There is nothing here for you. Metrics are for this machine, and for who has METRICS_TOKEN.\n"
)


async def metrics(scope: Scope) -> HttpResponse:
    """`scope`: as the connection itself made it, whatever a trusted proxy says."""
    try:
        process = await runtime.running()
    except DatabaseError:
        return said(503, "The gateway has not started: the database is away.\n")
    if process.metrics is None:
        return said(404, "METRICS is false.\n")
    if not may_read(scope, settings.METRICS_TOKEN):
        if not settings.METRICS_TOKEN:
            return said(404, HINT)
        return said(401, "Show METRICS_TOKEN as the bearer token.\n", WWW_Authenticate="Bearer")
    if scope["method"] not in READING:
        return said(405, "", Allow=", ".join(READING))
    text, content_type = await process.metrics.answer(accepted(scope))
    return HttpResponse(text, content_type=content_type, headers=BARE)


def accepted(scope: Scope) -> str:
    found = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"]
    return ",".join(found)


def said(status: int, text: str, **headers: Any) -> HttpResponse:
    response = HttpResponse(text, status=status, content_type=PLAIN, headers=BARE)
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response
