"""A toy application that answers without ASGI's messages, behind either server.

`python -m tests.support.direct_server SERVER PORT DRAIN_SECONDS`. `/PAGE?2` runs a page in a task
from its start on, `/PAGE` without one until it has to wait for long.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from proxyapp.process.listener import bind
from proxyapp.server.certificate import ClientPort
from proxyapp.server.drain import Drain
from proxyapp.vocabulary.asgi import DirectExchange, Header, Receive, Scope, Send
from proxyapp.vocabulary.in_task import in_task
from proxyapp.vocabulary.waiting import Wait

EVENT = b"data: event\n\n"
PIECE = bytes(65536)
PIECES = 256
JSON: Sequence[Header] = [(b"content-type", b"application/json")]


def say(text: str) -> None:
    print(text, flush=True)


async def pause(seconds: float | None = None) -> None:
    """In either gear; without a time for ever."""
    loop = asyncio.get_running_loop()
    wait = Wait(loop)
    if seconds is not None:
        loop.call_later(seconds, wait.end)
    await wait


async def once(exchange: DirectExchange) -> None:
    exchange.start(200, [(b"content-length", b"2")])
    exchange.finish(b"ok")


async def events(exchange: DirectExchange) -> None:
    """Three, 0.2 s apart."""
    exchange.start(200, [])
    for _ in range(3):
        exchange.write(EVENT)
        await pause(0.2)
    exchange.finish(b"")


async def hold(exchange: DirectExchange) -> None:
    """For ever; what cleans up takes a moment."""
    exchange.start(200, [])
    exchange.write(EVENT)
    try:
        await pause()
    finally:
        say("the client left")
        await asyncio.sleep(0.01)
        say("cleaned up")


async def silent(exchange: DirectExchange) -> None:
    say("asked")
    try:
        await pause()
    finally:
        say("nobody waits")


async def flood(exchange: DirectExchange) -> None:
    exchange.start(200, [])
    for _ in range(PIECES):
        exchange.write(PIECE)
        if exchange.is_stalled:
            await exchange.until_writable()
        await pause(0.0)
    exchange.finish(b"")
    say("the flood is over")


async def fails(exchange: DirectExchange) -> None:
    raise RuntimeError("the toy's secret")


async def fails_soon(exchange: DirectExchange) -> None:
    await pause(0.01)
    raise RuntimeError("the toy's secret")


async def fails_later(exchange: DirectExchange) -> None:
    exchange.start(200, [])
    exchange.write(EVENT)
    await pause(0.01)
    raise RuntimeError("the toy broke")


async def too_long(exchange: DirectExchange) -> None:
    exchange.start(200, [(b"content-length", b"1")])
    exchange.finish(b"ok")


PAGES: dict[str, Callable[[DirectExchange], Awaitable[None]]] = {
    f"/{page.__name__}": page
    for page in (once, events, hold, silent, flood, fails, fails_soon, fails_later, too_long)
}


class DirectToy:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`/report`: how many tasks there are. A WebSocket hears everything and says nothing."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return
        body = json.dumps({"tasks": len(asyncio.all_tasks())}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": JSON})
        await send({"type": "http.response.body", "body": body})

    def direct(self, scope: Scope, exchange: DirectExchange) -> Coroutine[Any, Any, None] | None:
        page = PAGES.get(scope["path"])
        return _run(page, exchange, scope["query_string"]) if page is not None else None


async def _run(
    page: Callable[[DirectExchange], Awaitable[None]], exchange: DirectExchange, gear: bytes
) -> None:
    if gear == b"2":
        await in_task()
    await page(exchange)


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    say("flushed")
    await send({"type": "lifespan.shutdown.complete"})


async def _flush() -> None:
    say("flushed")


def main() -> None:
    server, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    drain = Drain(seconds, retirement_seconds=60)
    ports = [ClientPort(bind("127.0.0.1", port))]
    application = DirectToy()
    if server == "uvicorn":
        from proxyapp.server import uvicorn

        uvicorn.run(
            application,
            ports,
            drain=drain,
            on_listening=lambda: say("listening"),
        )
        return
    from proxyapp.server.daphne import GatewayServer
    from proxyapp.server.http_server import ConnectionLimits

    GatewayServer(
        application,
        ports,
        limits=ConnectionLimits.of_settings(),
        drain=drain,
        shutdown=_flush,
        on_listening=lambda: say("listening"),
    ).run()


if __name__ == "__main__":
    main()
