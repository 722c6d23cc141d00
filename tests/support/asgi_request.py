"""One request handed to the gateway's application as a server does it, without a server."""

import asyncio
from typing import Any

from gateway.asgi import application

BODY = b'{"contents": [{"parts": [{"text": "hi"}]}]}'


async def generate(model: str = "gemini-2.5-flash") -> int:
    """Asks the model for content; the status of the answer, once all of it is there."""
    messages = [{"type": "http.request", "body": BODY, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    await application(_scope(f"/v1beta/models/{model}:generateContent"), receive, send)
    if sent[-1].get("more_body"):
        raise AssertionError("the answer has no end")
    return int(sent[0]["status"])


def _scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"gateway"), (b"content-length", b"%d" % len(BODY))],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "extensions": {},
    }
