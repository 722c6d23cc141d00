"""The short way from an ASGI server to an async Django view and back.

Django's own handler costs two thread hops a request, more with middleware. It asks who the
client is, reads the body, builds the same ASGIRequest, awaits the view in the same task and relays
its answer, watching for the client's disconnect.
"""

import asyncio
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any
from urllib.parse import quote

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.http.response import HttpResponseBase

from proxyapp.access.token_book import Client
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.request_body import BodyLimits, ClientLeft, RequestBody, read_body
from proxyapp.forwarding.views import RelayedResponse, error_response, own_headers
from proxyapp.vocabulary.asgi import Receive, Scope, Send
from proxyapp.vocabulary.errors import GatewayError, StreamBroken

View = Callable[[ASGIRequest], Awaitable[HttpResponseBase]]
Admit = Callable[[Scope], Awaitable[Client]]


class FastPath:
    """An ASGI application (http only) around one async view.

    `admit` says who the client is before its body is read.
    """

    def __init__(self, view: View, admit: Admit | None = None) -> None:
        self._view = view
        self._admit = admit
        self._limits = BodyLimits.of_settings()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body: RequestBody | None = None
        try:
            client = await self._admit(scope) if self._admit else None
            body = await read_body(receive, scope["headers"], self._limits)
            await FastPathRequest(self._view, scope, receive, send).run(body, client)
        except ClientLeft:
            return
        except GatewayError as error:
            await send_whole(send, error_response(error, scope["raw_path"]))
        except StreamBroken:
            cut(scope)
        finally:
            if body is not None:
                body.close()


class FastPathRequest:
    """One request on the fast path. Its task is cancelled when the client leaves before the end."""

    def __init__(self, view: View, scope: Scope, receive: Receive, send: Send) -> None:
        self._view = view
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_over = False
        self._has_left = False

    async def run(self, body: RequestBody, client: Client | None) -> None:
        """Raises ClientLeft, or StreamBroken when the response cannot be completed."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101
        watcher = loop.create_task(self._watch(task))
        try:
            await self._answer(body, client)
        except asyncio.CancelledError:
            if not self._has_left:
                raise
            task.uncancel()
            raise ClientLeft from None
        finally:
            self._is_over = True
            watcher.cancel()

    async def _watch(self, task: "asyncio.Task[Any]") -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._is_over:
            self._has_left = True
            task.cancel()

    async def _answer(self, body: RequestBody, client: Client | None) -> None:
        request = django_request(self._scope)
        request.client = client  # type: ignore[attr-defined]
        request.upstream_body = body  # type: ignore[attr-defined]
        response = await self._view(request)
        if isinstance(response, RelayedResponse):
            await self._relay(response.attempt)
        else:
            assert isinstance(response, HttpResponse)  # noqa: S101
            self._is_over = True
            await send_whole(self._send, response)

    async def _relay(self, attempt: Attempt) -> None:
        """Chunk by chunk as they come; the last one goes out with the end."""
        send = self._send
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": attempt.status,
                    "headers": attempt.headers,
                }
            )
            chunks = await attempt.read()
            while not attempt.is_complete:
                for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunks = await attempt.read()
            last = chunks.pop() if chunks else b""
            for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            self._is_over = True
            await send({"type": "http.response.body", "body": last, "more_body": False})
        finally:
            await attempt.aclose()


def django_request(scope: Scope) -> ASGIRequest:
    """Django decodes the query as UTF-8, which it need not be; the view reads the raw one."""
    request = ASGIRequest(with_readable_query(scope), BytesIO())
    request.scope = scope
    return request


def with_readable_query(scope: Scope) -> Scope:
    query = scope["query_string"]
    return (
        scope if query.isascii() else scope | {"query_string": quote(query, safe="%&=+").encode()}
    )


async def send_whole(send: Send, response: HttpResponse) -> None:
    headers = [*own_headers(response), (b"Content-Length", b"%d" % len(response.content))]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


def cut(scope: Scope) -> None:
    """Shows the client a broken stream: in the server's own way, else by an exception."""
    abort = scope.get("extensions", {}).get("gateway.abort")
    if abort is None:
        raise StreamBroken("the upstream broke off")
    abort["call"]()
