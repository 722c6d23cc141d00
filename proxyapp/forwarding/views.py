"""The Django views of the proxied surface and of health.

They also work behind Django's own handler.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.core.handlers.asgi import ASGIRequest
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from proxyapp.access import admission
from proxyapp.access.cors import let_read, let_read_relayed, preflight_response
from proxyapp.access.token_book import ANYONE, Client
from proxyapp.database.outage import reason_of
from proxyapp.forwarding import body_file, search
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.long_bodies import is_long, read_for_client
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.runtime import Runtime
from proxyapp.runtime import current as current_runtime
from proxyapp.runtime import running as start_runtime
from proxyapp.upstream import hops
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import (
    GatewayError,
    LoopFound,
    NoKeyAvailable,
    PreflightAsked,
    error_body,
    is_openai_path,
)
from proxyapp.vocabulary.key_states import KeyState

# Sooner than a database counts as away (ANSWER_SECONDS): who probes waits for seconds only.
DATABASE_SECONDS = 2.0


class RelayedResponse(StreamingHttpResponse):
    """An upstream's answer.

    The fast path sends `attempt` raw; Django's own handler sees an ordinary streaming response.
    """

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt, status=attempt.status)
        del self.headers["Content-Type"]
        self.attempt = attempt
        for name, value in attempt.headers:
            self.headers[name.decode("latin-1")] = value.decode("latin-1")


async def forward(request: HttpRequest) -> HttpResponseBase:
    """Everything that is not the gateway's own: sent on with the next available key."""
    assert isinstance(request, ASGIRequest)  # noqa: S101
    path, query = raw_target(request.scope)
    try:
        client = getattr(request, "client", None) or await admitted(request.scope)
        runtime = await running_runtime()
        body = getattr(request, "upstream_body", None) or django_body(request)
        if client is not ANYONE and is_long(body):
            await read_for_client(body, client)
        planned = plan(
            runtime.snapshot,
            method=request.method or "",
            path=path,
            query=query,
            headers=request.scope["headers"],
            body=body,
            client=client,
        )
        if client.is_metered:
            await admission.charge(client, runtime.limits, runtime.counting)
        attempt = await search.forward(runtime, planned)
        if client is not ANYONE:
            let_read_relayed(request.scope["headers"], attempt.headers)
        return RelayedResponse(attempt)
    except GatewayError as error:
        return error_response(error, path)


async def admitted(scope: Mapping[str, Any]) -> Client:
    """Who asks, before the body is read. Raises GatewayError.

    A loop is told first: the gateway's own key is no client token.
    """
    hops.refuse_loop(scope["headers"])
    runtime = await running_runtime()
    return await admission.admit_client(scope, runtime.book, runtime.slowdown)


async def running_runtime() -> Runtime:
    """Raises GatewayError."""
    try:
        return await start_runtime()
    except DatabaseError:
        raise NoKeyAvailable("The gateway's database is away.", retry_after=5) from None


def raw_target(scope: Mapping[str, Any]) -> tuple[bytes, bytes | None]:
    """The path and the query as the client wrote them; None: not even an empty query.

    ASGI has no word for an empty query, so the server's own extension tells. (Django's test client
    has no raw path, and a query of text.)
    """
    path = scope.get("raw_path") or quote(scope["path"]).encode()
    query = scope["query_string"]
    query = query if isinstance(query, bytes) else query.encode()
    sent = scope.get("extensions", {}).get("gateway.target", {}).get("raw", b"")
    return path, query if query or sent.endswith(b"?") else None


def django_body(request: HttpRequest) -> RequestBody:
    """Behind Django's own handler; `read` knows no DATA_UPLOAD_MAX_MEMORY_SIZE."""
    data = request.read()
    is_announced = "CONTENT_LENGTH" in request.META or data
    return RequestBody(data, length=len(data) if is_announced else None)


def error_response(error: GatewayError, path: bytes) -> HttpResponse:
    if isinstance(error, PreflightAsked):
        return preflight_response(error)
    body = error_body(
        error.status,
        error.message,
        is_openai=is_openai_path(path),
        code=error.code,
        retry_after=error.retry_after,
        last_words=error.last_words,
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
    if (runtime := current_runtime()) is not None and not runtime.book.is_empty:
        let_read(response)
    return response


async def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives."""
    return HttpResponse(b'{"status": "ok"}', content_type="application/json")


async def readyz(request: HttpRequest) -> HttpResponse:
    """200 when requests can be served and the database answers, else 503 with the reasons."""
    problems, warnings, spooled = [], list[str](), 0
    keys: Counter[str] = Counter(dict.fromkeys([state.value for state in KeyState], 0))
    if (reason := await database_trouble()) is not None:
        problems.append(f"the database is away: {reason}")
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
        if not keys[KeyState.AVAILABLE]:
            problems.append("no key is available")
    if shortage:  # short bodies need no file
        warnings = [*warnings, shortage]
    status = "unavailable" if problems else "ok"
    body = {
        "status": status,
        "problems": problems,
        "warnings": warnings,
        "spooled": spooled,
        "keys": dict(keys),
    }
    return HttpResponse(
        json.dumps(body), status=503 if problems else 200, content_type="application/json"
    )


async def database_trouble() -> str | None:
    """Reads now, and looks at how the last write went. None: all is well."""
    try:
        runtime = await start_runtime()
        await asyncio.wait_for(runtime.refresh(), DATABASE_SECONDS)
    except TimeoutError:
        return "it does not answer"
    except DatabaseError as error:
        outage = current.threads.outage if (current := current_runtime()) else None
        return outage.reason if outage else reason_of(error)
    return runtime.threads.outage.reason if runtime.threads.outage else None


def own_headers(response: HttpResponseBase) -> list[Header]:
    """A response's headers for ASGI."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
