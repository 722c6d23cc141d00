"""A toy application behind GatewayServer.

`python -m tests.support.toy_server PORT MAX_BODY_BYTES DRAIN_SECONDS PATIENCE_SECONDS DIRECTORY`;
patience is for slow clients, and a directory holds the certificate of HTTPS.
"""

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from proxyapp.process.listener import bind
from proxyapp.server.certificate import ClientPort, ServerCertificate
from proxyapp.server.daphne import GatewayServer
from proxyapp.server.drain import Drain
from proxyapp.server.http_server import ConnectionLimits
from tests.support import certificates

EVENT = b"data: event\n\n"
log: list[str] = []
sent = {"flood": 0}


async def read_body(receive: Any) -> bytes | None:
    """None when the client left before the end."""
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
    return None


async def answer(
    send: Any, body: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    length = (b"Content-Length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def start(send: Any, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def part(send: Any, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = await read_body(receive)
    if body is None:
        log.append("the body broke off")
        return
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "target": scope["extensions"]["gateway.target"]["raw"].decode("latin-1"),
        "headers": [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]
        ],
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    await answer(send, json.dumps(seen).encode())


async def events(scope: Any, receive: Any, send: Any) -> None:
    """`/events?5`: five events, 0.1 s apart."""
    await read_body(receive)
    await start(send)
    for _ in range(int(scope["query_string"])):
        await part(send, EVENT)
        await asyncio.sleep(0.1)
    await part(send, b"", more=False)


async def flood(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    for _ in range(int(scope["query_string"])):
        await part(send, bytes(65536))
        sent["flood"] += 65536
    await part(send, b"", more=False)


async def hold(scope: Any, receive: Any, send: Any) -> None:
    """Starts an answer and waits for the client to leave."""
    await start(send)
    await part(send, EVENT)
    while (await receive())["type"] != "http.disconnect":
        pass
    log.append("the client left")


async def deaf(scope: Any, receive: Any, send: Any) -> None:
    """Never looks whether the client left."""
    await start(send)
    await part(send, EVENT)
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        log.append("cancelled")
        raise


async def early(scope: Any, receive: Any, send: Any) -> None:
    """Answers without a look at the body."""
    await answer(send, b"no thanks", 401)


async def abort(scope: Any, receive: Any, send: Any) -> None:
    """`?length` promises a Content-Length, `?close` ends with the connection, else chunks."""
    length = [(b"content-length", b"1000")] if scope["query_string"] == b"length" else []
    await start(send, *length)
    await part(send, EVENT)
    scope["extensions"]["gateway.abort"]["call"]()
    await asyncio.sleep(3600)


async def fail_first(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("the toy's secret")


async def fail_later(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await part(send, EVENT)
    raise RuntimeError("the toy broke")


async def short(scope: Any, receive: Any, send: Any) -> None:
    await start(send, (b"content-length", b"10"))
    await part(send, b"12345", more=False)


async def inject(scope: Any, receive: Any, send: Any) -> None:
    await start(send, (b"x-evil", b"a\r\nSet-Cookie: b=c"))
    await part(send, b"", more=False)


async def status(scope: Any, receive: Any, send: Any) -> None:
    code = int(scope["query_string"])
    await start(send, (b"X-One", b"1"), (b"X-One", b"2"), status=code)
    await part(send, b"" if code in (204, 304) else b"body", more=False)


async def headers_only(scope: Any, receive: Any, send: Any) -> None:
    await start(send, (b"x-first", b"yes"), (b"content-length", b"5"))
    await asyncio.sleep(3600)


async def report(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, json.dumps({"log": log, **sent}).encode())


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"].upper()})
    log.append("the websocket closed")


NAMED = (
    echo,
    events,
    flood,
    hold,
    deaf,
    early,
    abort,
    fail_first,
    fail_later,
    short,
    inject,
    status,
    headers_only,
    report,
)
PAGES = {page.__name__: page for page in NAMED}


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        await PAGES.get(scope["path"].lstrip("/").split("/")[0], echo)(scope, receive, send)


async def startup() -> None:
    print("started", flush=True)


async def shutdown() -> None:
    print("flushed", flush=True)


def main() -> None:
    port, max_body_bytes, drain_seconds, patience_seconds, *directory = sys.argv[1:]
    patience = float(patience_seconds)
    certificate = ServerCertificate(certificates.files(Path(*directory))) if directory else None
    GatewayServer(
        application,
        [ClientPort(bind("127.0.0.1", int(port)), certificate)],
        limits=ConnectionLimits(
            int(max_body_bytes), idle=patience, head=patience, body=patience, stall=patience
        ),
        drain=Drain(float(drain_seconds), retirement_seconds=60),
        startup=startup,
        shutdown=shutdown,
        on_listening=lambda: print("listening", flush=True),
    ).run()


if __name__ == "__main__":
    main()
