"""The Django views of the proxied surface and of health.

They also work behind Django's own handler.
"""

import asyncio
import json
import time
from collections import Counter
from typing import NamedTuple

from django.core.handlers.asgi import ASGIRequest
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from proxyapp.access.cors import let_read, preflight_response
from proxyapp.database.outage import REASONS, reason_of
from proxyapp.forwarding import body_file
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.entry import admitted, forwarded, raw_target
from proxyapp.forwarding.own_answer import OwnAnswer
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.uploads import forward_part, is_part
from proxyapp.runtime import current as current_runtime
from proxyapp.runtime import running as start_runtime
from proxyapp.upstream import hops
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.client_paths import dialect_of
from proxyapp.vocabulary.errors import (
    GatewayError,
    LoopFound,
    PreflightAsked,
    error_body,
)
from proxyapp.vocabulary.key_states import KeyState
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.request_ids import request_id_of
from proxyapp.vocabulary.told import told

# Sooner than a database counts as away (ANSWER_SECONDS): who probes waits for seconds only.
DATABASE_SECONDS = 2.0


class RelayedResponse(StreamingHttpResponse):
    """An upstream's answer."""

    def __init__(self, attempt: Attempt | OwnAnswer, request_id: str) -> None:
        super().__init__(attempt, status=attempt.status)
        del self.headers["Content-Type"]
        for name, value in attempt.headers:
            self.headers[name.decode("latin-1")] = value.decode("latin-1")
        self.headers["X-Request-Id"] = request_id


async def forward(request: HttpRequest) -> HttpResponseBase:
    """Everything that is not the gateway's own, behind Django's own handler."""
    assert isinstance(request, ASGIRequest)  # noqa: S101
    request_id = request_id_of(request.scope["headers"])
    try:
        if is_part(request.scope["method"], raw_target(request.scope)[1] or b""):
            part = await forward_part(request.scope, django_body(request))
            return RelayedResponse(part, request_id)
        client = await admitted(request.scope)
        answer = await forwarded(request.scope, django_body(request), client)
        return RelayedResponse(answer, request_id)
    except GatewayError as error:
        path, headers = raw_target(request.scope)[0], request.scope["headers"]
        return error_response(error, path, headers, request_id)


def django_body(request: HttpRequest) -> RequestBody:
    """`read` knows no DATA_UPLOAD_MAX_MEMORY_SIZE."""
    data = request.read()
    is_announced = "CONTENT_LENGTH" in request.META or data
    return RequestBody(data, length=len(data) if is_announced else None)


def error_response(
    error: GatewayError, path: bytes, asked: list[Header], request_id: str
) -> HttpResponse:
    """`asked`: the request's headers."""
    response = _own_response(error, path, asked, request_id)
    response["X-Request-Id"] = request_id
    return response


def _own_response(
    error: GatewayError, path: bytes, asked: list[Header], request_id: str
) -> HttpResponse:
    if isinstance(error, PreflightAsked):
        return preflight_response(error)
    body = error_body(
        error.status,
        error.message,
        dialect=dialect_of(path, asked),
        code=error.code,
        retry_after=error.retry_after,
        last_words=error.last_words,
        request_id=request_id,
    )
    response = HttpResponse(body, status=error.status, content_type="application/json")
    response["X-Content-Type-Options"] = "nosniff"
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if not error.is_worth_trying:
        response["x-should-retry"] = "false"
    if isinstance(error, LoopFound):
        response[hops.HEADER.decode()] = hops.own_mark().decode()
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if (runtime := current_runtime()) is not None:
        let_read(response, asked, has_tokens=not runtime.book.is_empty)
    return response


async def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives."""
    return HttpResponse(b'{"status": "ok"}', content_type="application/json")


class Readiness(NamedTuple):
    """`problems`: why no request can be served, in words for anybody. `keys`: how many by state."""

    problems: list[str]
    warnings: list[str]
    spooled: int
    keys: dict[str, int]

    @property
    def status(self) -> str:
        return "unavailable" if self.problems else "ok"


async def readyz(request: HttpRequest) -> HttpResponse:
    """200 when requests can be served and the database answers, else 503 with the reasons."""
    found = await readiness()
    return HttpResponse(
        json.dumps({"status": found.status, **found._asdict()}),
        status=503 if found.problems else 200,
        content_type="application/json",
    )


async def readiness() -> Readiness:
    problems, warnings, spooled = list[str](), list[str](), 0
    keys: Counter[str] = Counter(dict.fromkeys([state.value for state in KeyState], 0))
    if (reason := await database_trouble()) is not None:
        problems.append(told(gettext_noop("the database is away: %(reason)s"), reason=told(reason)))
    shortage = await body_file.shortage()
    if (runtime := current_runtime()) is not None:
        spooled, warnings = await runtime.writing.report()
        keys.update(runtime.snapshot.key_states(time.time()))
        warnings += [runtime.clock.text] if runtime.clock.text else []
        if keys["unreadable"]:
            unreadable = (
                f"SECRET_KEY does not open {keys['unreadable']} keys: add the old one as a fallback"
            )
            warnings = [*warnings, unreadable]
        if failing := len(runtime.upstreams.exits.failing):
            counted = "1 exit fails" if failing == 1 else f"{failing} exits fail"
            warnings = [*warnings, f"{counted}: the keys behind let their turns pass"]
        if not keys[KeyState.AVAILABLE]:
            problems.append(gettext_noop("no key is available"))
    if shortage:  # short bodies need no file
        warnings = [*warnings, shortage]
    return Readiness(problems, warnings, spooled, dict(keys))


async def database_trouble() -> str | None:
    """Reads now, and looks at how the last write went. None: all is well."""
    try:
        runtime = await start_runtime()
        await asyncio.wait_for(runtime.refresh(), DATABASE_SECONDS)
    except TimeoutError:
        return REASONS["NoAnswer"]
    except DatabaseError as error:
        outage = current.threads.outage if (current := current_runtime()) else None
        return outage.reason if outage else reason_of(error)
    return runtime.threads.outage.reason if runtime.threads.outage else None


def own_headers(response: HttpResponseBase) -> list[Header]:
    """A response's headers for ASGI."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
