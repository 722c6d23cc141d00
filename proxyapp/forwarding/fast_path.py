"""The short way of a proxied request, past Django's own handler.

That costs two thread hops a request, more with middleware. Here a coroutine asks who the client is,
takes the body, forwards the request and relays the answer. The gateway's servers step it without a
task for as long as it can go on at once (vocabulary.stepping); under other ASGI servers it is a
task, and watches for the client's disconnect.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from io import BytesIO
from typing import Any
from urllib.parse import quote

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.body_reading import ClientLeft, read_body
from proxyapp.forwarding.coming_body import coming_body
from proxyapp.forwarding.entry import admitted, forwarded
from proxyapp.forwarding.following import begin, end, show_keys
from proxyapp.forwarding.own_answer import OwnAnswer
from proxyapp.forwarding.request_body import BodyLimits, RequestBody, whole_body
from proxyapp.forwarding.uploads import forward_part, is_part
from proxyapp.forwarding.views import error_response, own_headers
from proxyapp.requests.under_way import RequestUnderWay
from proxyapp.vocabulary.asgi import DirectExchange, Header, Receive, Scope, Send
from proxyapp.vocabulary.errors import GatewayError, StreamBroken

OwnView = Callable[[HttpRequest], Awaitable[HttpResponse]]


class FastPath:
    """An application (http only) that forwards whatever it is asked."""

    def __init__(self) -> None:
        self._limits = BodyLimits.of_settings()

    def direct(self, scope: Scope, exchange: DirectExchange) -> Coroutine[Any, Any, None]:
        return self._serve(scope, exchange)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = AsgiExchange(receive, send)
        await exchange.watched(self._serve(scope, exchange))

    async def _serve(self, scope: Scope, exchange: DirectExchange) -> None:
        body: RequestBody | None = None
        headers, limits = scope["headers"], self._limits
        under_way = begin(scope)
        exchange.request_id = under_way.id
        try:
            if scope["query_string"] and is_part(scope["method"], scope["query_string"]):
                body = coming_body(exchange, headers)
                await relay(await forward_part(scope, body), exchange, under_way)
                return
            client = await admitted(scope)
            body = whole_body(exchange.whole_body(), headers, limits)
            if body is None:
                body = await read_body(exchange.receive, headers, limits)
            await relay(await forwarded(scope, body, client), exchange, under_way)
        except ClientLeft:
            return
        except GatewayError as error:
            under_way.refused(error)
            response = error_response(error, scope["raw_path"], headers, under_way.id)
            await answer(response, scope, exchange, under_way)
        except StreamBroken:
            under_way.broke()
            exchange.abort()
        except Exception as error:
            error.add_note(f"It was request {under_way.id}.")
            under_way.broke()
            raise
        finally:
            end(under_way, scope, scope["raw_path"], 0 if body is None else body.arrived)
            if body is not None:
                body.close()


async def relay(
    attempt: Attempt | OwnAnswer, exchange: DirectExchange, under_way: RequestUnderWay
) -> None:
    """Chunk by chunk as they come; the last one goes out with the end."""
    record = under_way.record
    try:
        attempt.headers.append(under_way.id_header())
        exchange.start(attempt.status, attempt.headers)
        under_way.answered(attempt.status)
        chunks = attempt.read_now()
        if not chunks:
            exchange.flush()
        while not attempt.is_complete:
            for chunk in chunks:
                exchange.write(chunk)
            if record is not None:
                record.bytes_out += sum(map(len, chunks))
            if exchange.is_stalled:
                await exchange.until_writable()
            chunks = await attempt.read()
        last = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        exchange.finish(last)
        if exchange.is_stalled:
            await exchange.until_writable()
        if record is not None:
            record.bytes_out += len(last)
            under_way.relayed()
    finally:
        if not attempt.is_done:
            await attempt.aclose()


async def answer(
    response: HttpResponse, scope: Scope, exchange: DirectExchange, under_way: RequestUnderWay
) -> None:
    """An answer of the gateway's own."""
    headers = whole_headers(response)
    show_keys(scope, headers)
    exchange.start(response.status_code, headers)
    under_way.answered(response.status_code)
    exchange.finish(response.content)
    if under_way.record is not None:
        under_way.record.bytes_out = len(response.content)
    if exchange.is_stalled:
        await exchange.until_writable()


class AsgiExchange:
    """Under a server that knows nothing but ASGI: what is written is sent by `until_writable`."""

    request_id = ""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._unsent: list[dict[str, Any]] = []
        self._is_received = asyncio.Event()
        self._is_over = self._has_left = self._is_broken = False

    async def watched(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs it, and cancels it when the client leaves. Raises StreamBroken: there is no other
        word for a broken answer."""
        task = asyncio.get_running_loop().create_task(work)
        watcher = asyncio.get_running_loop().create_task(self._watch(task))
        try:
            await asyncio.wait({task})
            if not (task.cancelled() and self._has_left):
                task.result()
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        finally:
            self._is_over = True
            watcher.cancel()
        if self._is_broken:
            raise StreamBroken("the upstream broke off")

    async def _watch(self, task: "asyncio.Task[None]") -> None:
        await self._is_received.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._is_over:
            self._has_left = True
            task.cancel()

    @property
    def is_stalled(self) -> bool:
        return bool(self._unsent)

    def whole_body(self) -> bytes | None:
        return None

    async def receive(self) -> dict[str, Any]:
        message = await self._receive()
        if not message.get("more_body"):
            self._is_received.set()
        return message

    def start(self, status: int, headers: Sequence[Header]) -> None:
        self._unsent.append(
            {"type": "http.response.start", "status": status, "headers": list(headers)}
        )

    def write(self, data: bytes) -> None:
        self._unsent.append({"type": "http.response.body", "body": data, "more_body": True})

    def flush(self) -> None:
        """`until_writable` follows."""

    def finish(self, data: bytes) -> None:
        self._is_over = True
        self._unsent.append({"type": "http.response.body", "body": data, "more_body": False})

    async def until_writable(self) -> None:
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            await self._send(message)

    def abort(self) -> None:
        self._is_broken = True


class OwnPage:
    """An ASGI application around one view of the gateway's own, which takes no body.

    `methods`: those that are its own; of none given all are.
    """

    def __init__(self, view: OwnView, *methods: str) -> None:
        self._view = view
        self._methods = methods

    def takes(self, method: str) -> bool:
        return not self._methods or method in self._methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_whole(send, await self._view(django_request(scope)))


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


async def send_whole(send: Send, response: HttpResponse, kind: str = "http.response") -> None:
    await send(
        {
            "type": f"{kind}.start",
            "status": response.status_code,
            "headers": whole_headers(response),
        }
    )
    await send({"type": f"{kind}.body", "body": response.content})


def whole_headers(response: HttpResponse) -> list[Header]:
    return [*own_headers(response), (b"Content-Length", b"%d" % len(response.content))]
