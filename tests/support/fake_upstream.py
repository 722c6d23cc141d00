"""A real HTTP server that behaves like Google's Gemini API.

Tests can script it down to the bytes. It runs on a port, a thread and an event loop of its own and
writes down what arrived as it arrived: the raw target, every header with its case and order, the
hash of the body. What Google would answer is in `tests.support.fake_gemini`, and what belongs to a
project in `tests.support.fake_resources`.
"""

import asyncio
import hashlib
import json
import re
import ssl
import threading
import time
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.support import fake_gemini
from tests.support.fake_gemini import Answer, BrokenForm
from tests.support.fake_http import (
    WITHOUT_BODY,
    Body,
    Connection,
    Headers,
    Recorded,
    head_of,
    read_head,
)
from tests.support.fake_quotas import Quotas
from tests.support.fake_resources import FakeResources

__all__ = ["Connection", "FakeUpstream", "HeldStream", "Recorded", "body_of_bytes"]

BLOCK = hashlib.shake_256(b"the body of /bytes").digest(65536)


def body_of_bytes(length: int) -> bytes:
    """What `/bytes/<length>` and `/chunked/<length>` send."""
    return (BLOCK * (length // len(BLOCK) + 1))[:length]


Handler = Callable[[Recorded, Connection], Awaitable[None]]


class HeldStream:
    """A streamed answer that goes on only when the test says so.

    All methods are for the test's thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, head: bytes, *, is_chunked: bool) -> None:
        self._loop = loop
        self._head = head
        self._is_chunked = is_chunked
        self._orders: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.started = threading.Event()
        self.client_gone = threading.Event()

    def send_event(self, number: int) -> None:
        """One server-sent event, as Gemini sends it, with the text `event <number>`."""
        self.send(fake_gemini.event(f"event {number}", output_tokens=number))

    def send(self, data: bytes) -> None:
        self._order("send", data)

    def finish(self) -> None:
        self._order("finish")

    def die(self) -> None:
        """Breaks the connection in the middle of the answer."""
        self._order("die")

    def _order(self, what: str, data: bytes = b"") -> None:
        self._loop.call_soon_threadsafe(self._orders.put_nowait, (what, data))

    async def run(self, connection: Connection) -> None:
        leaving = asyncio.ensure_future(connection.gone.wait())
        try:
            await connection.send(self._head)
            self.started.set()
            await self._follow_orders(connection, leaving)
        except ConnectionError:
            connection.abort()
        finally:
            leaving.cancel()
            if connection.gone.is_set():
                self.client_gone.set()

    async def _follow_orders(self, connection: Connection, leaving: "asyncio.Future[Any]") -> None:
        while True:
            order = asyncio.ensure_future(self._orders.get())
            await asyncio.wait({order, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not order.done():
                order.cancel()
                return connection.abort()
            what, data = order.result()
            if what == "die":
                return connection.abort()
            if what == "finish":
                return await connection.finish_chunks() if self._is_chunked else None
            await (connection.send_chunk(data) if self._is_chunked else connection.send(data))


class _Protocol(asyncio.StreamReaderProtocol):
    """Says at once when the client is gone, also while nobody reads."""

    def __init__(self, upstream: "FakeUpstream", loop: asyncio.AbstractEventLoop) -> None:
        self._upstream = upstream
        self.gone = asyncio.Event()
        super().__init__(
            asyncio.StreamReader(limit=4 * 1024 * 1024, loop=loop), self._serve, loop=loop
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._upstream._serve(Connection(reader, writer, self.gone))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._upstream._count_connection(1)

    def eof_received(self) -> bool | None:
        self.gone.set()
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed after this returns.

        Only then is the connection gone for the other side, too.
        """
        self.gone.set()
        asyncio.get_running_loop().call_soon(self._upstream._count_connection, -1)
        super().connection_lost(error)


@dataclass
class _Refusal:
    """What a test ordered for a key. `times` None: until the key recovers."""

    status: int
    body: str | bytes | None
    headers: list[tuple[str, str]]
    times: int | None


class FakeUpstream:
    """`strict`: credentials as Google takes them; otherwise anything is accepted.

    `keys` None: any key is known. `projects`: the project of a key; by itself a key is one.
    """

    def __init__(
        self,
        *,
        strict: bool = True,
        keys: Collection[str] | None = None,
        projects: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.strict = strict
        self.keys = keys
        self._projects = projects or {}
        self._tls = tls
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="fake upstream", daemon=True
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections_open = 0
        self.connections_made = 0
        self.port = 0
        self.reset()

    def reset(self) -> None:
        """Forgets requests, resources, handlers, held and broken streams, refusals and quotas.

        Connections stay. `clock` tells the quotas the time, in seconds since the epoch.
        `public_url`: where its answers say that it is; empty: where it listens.
        """
        with self._changed:
            self.requests: list[Recorded] = []
            self.failures: list[Exception] = []
            self._handlers: dict[str, tuple[Handler, bool]] = {}
            self._held: dict[str, list[HeldStream]] = {}
            self._refusals: dict[tuple[str, str | None], list[_Refusal]] = {}
            self._broken: dict[str, tuple[Any, BrokenForm]] = {}
            self.quotas: Quotas | None = None
            self.clock: Callable[[], float] = time.time
            self.resources = FakeResources(
                self._projects, lambda: self.clock(), lambda: self.public_url or self.url
            )
            self.public_url = ""

    def __enter__(self) -> "FakeUpstream":
        self._thread.start()
        self._server = self._in_loop(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: object, error: object, at: object) -> None:
        self._in_loop(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        if self.failures and error is None:
            raise AssertionError("the fake upstream failed") from self.failures[0]

    @property
    def host(self) -> str:
        """The Host header of a request to this server."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}"

    # What arrived.

    def picked(self) -> list[str]:
        """The keys in the order in which their requests arrived; empty for one without a key."""
        return [request.key or "" for request in list(self.requests)]

    @property
    def last(self) -> Recorded:
        return self.requests[-1]

    def wait_for(self, count: int, timeout: float = 10) -> list[Recorded]:
        """The requests so far, once there are `count` of them."""
        self._wait(
            lambda: len(self.requests) >= count,
            timeout,
            f"{count} requests, have {len(self.requests)}",
        )
        return list(self.requests)

    def wait_for_connections(self, count: int, timeout: float = 10) -> None:
        """Until exactly `count` connections are open."""
        self._wait(lambda: self.connections_open == count, timeout, f"{count} open connections")

    def _wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, timeout), (
                f"the upstream waited {timeout} s in vain for {what}"
            )

    def _count_connection(self, change: int) -> None:
        with self._changed:
            self.connections_open += change
            self.connections_made += max(change, 0)
            self._changed.notify_all()

    # What it answers.

    def exhausted(self, key: str, body_name: str | None = None, status: int = 429) -> None:
        """From now on `key` is refused with the recorded body (see tests/data).

        It has the form that the request's path speaks.
        """
        self.refuse(key, status=status, body=body_name)

    def refuse(
        self,
        key: str,
        *,
        status: int = 429,
        body: str | bytes | None = None,
        model: str | None = None,
        times: int | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Refuses `key` `times` times, or until it recovers.

        With `model` only its requests for that one, which comes first. `body`: the name of a
        recorded one, sent in the form of the path, or bytes that are sent as they are. Refusals
        with `times` are used up in their order before the one without, which takes the place of an
        earlier one.
        """
        if isinstance(body, str):
            fake_gemini.recorded_error(body)
        new = _Refusal(status, body, list(headers), times)
        with self._changed:
            kept = [old for old in self._refusals.get((key, model), []) if times or old.times]
            self._refusals[key, model] = sorted(
                [*kept, new], key=lambda refusal: refusal.times is None
            )

    def break_streams(self, key: str, body_name: str, *, form: BrokenForm = "tail") -> None:
        """From now on the streams of `key` start well and end in the recorded error.

        See `fake_gemini.break_stream`.
        """
        self._broken[key] = (fake_gemini.recorded_error(body_name), form)

    def recover(self, key: str) -> None:
        """Forgets every refusal of `key`, and its broken streams."""
        with self._changed:
            self._refusals = {
                place: ordered for place, ordered in self._refusals.items() if place[0] != key
            }
        self._broken.pop(key, None)

    def on(self, path_prefix: str, handler: Handler, *, reads_body: bool = True) -> None:
        """Sends requests below a path to `handler`, before any look at credentials.

        The longest prefix wins.
        """
        self._handlers[path_prefix] = (handler, reads_body)

    def held_stream(
        self,
        path: str,
        *,
        status: int = 200,
        headers: Headers = (),
        content_type: str = "text/event-stream",
        content_length: int | None = None,
    ) -> HeldStream:
        """Answers the next request for `path` under the test's control.

        The answer is chunked unless `content_length` is given.
        """
        is_chunked = content_length is None
        framing = (
            ("Transfer-Encoding", "chunked")
            if is_chunked
            else ("Content-Length", str(content_length))
        )
        head = head_of(status, [("Content-Type", content_type), *headers, framing])
        stream = HeldStream(self._loop, head, is_chunked=is_chunked)
        self._held.setdefault(path, []).append(stream)
        return stream

    # The server.

    def _in_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(
            lambda: _Protocol(self, self._loop), "127.0.0.1", 0, ssl=self._tls
        )

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, connection: Connection) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            while not connection.is_over:
                await self._exchange(connection)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            connection.abort()
        except Exception as failure:  # noqa: BLE001 a handler of a test may raise anything; __exit__ reports it
            self.failures.append(failure)
            connection.abort()
        finally:
            self._tasks.discard(task)
            connection.close()

    async def _exchange(self, connection: Connection) -> None:
        method, target, headers = await read_head(connection.reader)
        handler, reads_body = self._handler(target.partition(b"?")[0].decode("latin-1"))
        chunk = self.resources.chunk(target, headers)
        body = Body(chunk.take if chunk else None)
        is_complete = reads_body and await body.read(connection, headers)
        key = fake_gemini.key_of(target, headers)
        request = Recorded(
            method,
            target,
            headers,
            body.kept,
            body.sha256,
            body.length,
            is_complete,
            key,
            time.monotonic(),
            chunk,
        )
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if reads_body and not is_complete:
            connection.abort()
            return
        await handler(request, connection)
        if request.value("connection").lower() == "close":
            connection.close()

    def _handler(self, path: str) -> tuple[Handler, bool]:
        matching = [prefix for prefix in self._handlers if path.startswith(prefix)]
        return self._handlers[max(matching, key=len)] if matching else (self.behave, True)

    async def behave(self, request: Recorded, connection: Connection) -> None:
        """Answers as Google does, or as it was ordered to."""
        refusal = self._refusal(request)
        if refusal:
            await self._send(refusal, request, connection)
        elif self._held.get(request.path):
            await self._held[request.path].pop(0).run(connection)
        else:
            await self._send(self._answer(request), request, connection)

    def _refusal(self, request: Recorded) -> Answer | None:
        refusal = fake_gemini.refuse_credentials(request, self.keys) if self.strict else None
        return refusal or self._ordered_refusal(request) or self._quota_refusal(request)

    def _ordered_refusal(self, request: Recorded) -> Answer | None:
        refusal = self._use_refusal(request) if self._refusals else None
        if refusal is None:
            return None
        if isinstance(refusal.body, bytes):
            answer = Answer(refusal.status, refusal.body, fake_gemini.JSON)
        else:
            answer = fake_gemini.refusal(request, refusal.status, refusal.body)
        kept = [header for header in answer.headers if header[0] not in dict(refusal.headers)]
        return replace(answer, headers=[*kept, *refusal.headers])

    def _use_refusal(self, request: Recorded) -> _Refusal | None:
        key = request.key or ""
        with self._changed:
            ordered = self._refusals.get(
                (key, fake_gemini.model_of(request))
            ) or self._refusals.get((key, None))
            if not ordered:
                return None
            refusal = ordered[0]
            if refusal.times:
                refusal.times -= 1
            if refusal.times == 0:
                ordered.pop(0)
            return refusal

    def _quota_refusal(self, request: Recorded) -> Answer | None:
        model = fake_gemini.charged_model(request) if self.quotas else None
        if self.quotas is None or model is None:
            return None
        refused = self.quotas.ask(request.key or "", model, self.clock())
        return fake_gemini.quota_refusal(request, refused) if refused else None

    def _answer(self, request: Recorded) -> Answer:
        answer = (
            _plain_answer(request) or self.resources.answer(request) or fake_gemini.answer(request)
        )
        broken = self._broken.get(request.key or "")
        return fake_gemini.break_stream(request, answer, *broken) if broken else answer

    async def _send(self, answer: Answer, request: Recorded, connection: Connection) -> None:
        """Cookies are there to show that they reach neither a client nor another key."""
        gzipped = "/gzip" in request.path and "gzip" in request.value("accept-encoding")
        headers = [*answer.headers, ("Set-Cookie", f"NID={request.key}; path=/")]
        headers += [("Content-Encoding", "gzip")] if gzipped else []
        without_body = request.method == "HEAD"
        if isinstance(answer.body, bytes):
            body = zlib.compress(answer.body, wbits=31) if gzipped else answer.body
            await connection.answer(answer.status, body, headers, without_body=without_body)
            return
        await connection.send(head_of(answer.status, [*headers, ("Transfer-Encoding", "chunked")]))
        if not without_body:
            for part in _parts(answer.body, gzipped=gzipped):
                await connection.send_chunk(part)
            await connection.finish_chunks()


def _parts(parts: Iterable[bytes], *, gzipped: bool) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for part in parts:
        yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH) if gzipped else part
    if gzipped:
        yield packer.flush()


def _plain_answer(request: Recorded) -> Answer | None:
    """What no Gemini API has, below any prefix.

    `/echo/…`, `/bytes/<n>`, `/chunked/<n>` and `/status/<n>`.
    """
    if "/echo" in request.path:
        return Answer(200, json.dumps(_echo(request)).encode(), fake_gemini.JSON)
    found = re.search(r"/(bytes|chunked|status)/(\d+)$", request.path)
    if not found:
        return None
    what, number = found[1], int(found[2])
    if what == "status":
        return Answer(
            number, b"" if number in WITHOUT_BODY else b'{"status": %d}' % number, fake_gemini.JSON
        )
    body = body_of_bytes(number)
    octets = [("Content-Type", "application/octet-stream")]
    if what == "bytes":
        return Answer(200, body, octets)
    return Answer(200, [body[start : start + 10_000] for start in range(0, number, 10_000)], octets)


def _echo(request: Recorded) -> dict[str, Any]:
    return {
        "method": request.method,
        "target": request.target.decode("latin-1"),
        "headers": [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers
        ],
        "body_sha256": request.body_sha256,
        "body_length": request.body_length,
    }
