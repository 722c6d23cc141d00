"""Google's Live API on a port of 127.0.0.1: a WebSocket server, as strict about credentials.

with FakeLive() as live:
    live.scripts["KEY-A"] = Script(status=429, body=QUOTA)
    live.url            # the target of a group
    live.sessions       # [LiveSeen(key="KEY-A", messages=[...])]

A client's turn is answered, any other message sent back as it came, but for orders:
`{"close": [1011, "words"]}` (any code, none: 0), `{"send": "…"}`, `{"bytes": 1000}`,
`{"flood": [200, 1000]}` (messages, bytes), `{"drop": true}`.
"""

import json
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
MODEL = "models/gemini-live-2.5-flash"
SETUP = json.dumps({"setup": {"model": MODEL}})
QUOTA_WORDS = "You exceeded your current quota, please check your plan and billing details."
INVALID = {
    "code": 400,
    "message": "API key not valid. Please pass a valid API key.",
    "status": "INVALID_ARGUMENT",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
}
ANSWER, TOKENS = "One, two, three.", 12
TURN = {
    "serverContent": {
        "modelTurn": {"role": "model", "parts": [{"text": ANSWER}]},
        "turnComplete": True,
    },
    "usageMetadata": {"promptTokenCount": 5, "responseTokenCount": 7, "totalTokenCount": TOKENS},
}
TWO = "Multiple authentication credentials received. Please pass only one."
NONE = "Method doesn't allow unregistered callers."


@dataclass
class Script:
    """What a key is answered. `status`: instead of the upgrade. `close`: instead of a first word.
    `later_close`: instead of an answer to the next message. `is_silent`: it says nothing to the
    setup. `stops_reading`: after it. `is_dead`: what a probe of the key hears, too.
    """

    status: int = 0
    body: str = ""
    close: tuple[int, str] | None = None
    later_close: tuple[int, str] | None = None
    is_silent: bool = False
    is_dead: bool = False
    stops_reading: bool = False


@dataclass
class LiveSeen:
    """`key`: the credential, `access_token` included."""

    path: str
    query: str
    headers: list[tuple[str, str]]
    key: str
    messages: list[str | bytes] = field(default_factory=list)
    closed: tuple[int, str] | None = None


class FakeLive:
    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.scripts: dict[str, Script] = {}
        self.sessions: list[LiveSeen] = []
        self.refused: list[str] = []
        self.flooded = 0
        self._changed = threading.Condition()
        self._server = serve(
            self._serve,
            "127.0.0.1",
            0,
            ssl=tls,
            process_request=self._checked,
            max_size=None,
            compression=None,
            ping_interval=None,
        )
        self.port = self._server.socket.getsockname()[1]
        self._scheme = "https" if tls else "http"
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join(10)

    def keys(self) -> list[str]:
        """In the order in which they were used."""
        return [session.key for session in self.sessions]

    def script(self, key: str) -> Script:
        return self.scripts.get(key) or Script()

    def wait_closed(self, seconds: float = 15) -> LiveSeen:
        """The last session, once it has ended."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.sessions and self.sessions[-1].closed is not None, seconds
            ), "the session did not end"
        return self.sessions[-1]

    def _checked(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before the upgrade."""
        found = credentials(request)
        if len(found) != 1:
            self.refused.append(f"{len(found)} credentials")
            said = {"code": 400, "message": TWO} if found else {"code": 403, "message": NONE}
            return answer(400 if found else 403, {"error": said})
        script = self.script(found[0])
        if "Upgrade" not in request.headers:
            is_dead = script.is_dead
            return answer(
                400 if is_dead else 200, {"error": INVALID} if is_dead else {"models": []}
            )
        if script.status:
            self.refused.append(found[0])
            return answer(script.status, script.body)
        return None

    def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        path, _, query = request.path.partition("?")
        headers = list(request.headers.raw_items())
        seen = LiveSeen(path, query, headers, credentials(request)[0])
        self.sessions.append(seen)
        script = self.script(seen.key)
        with suppress(ConnectionClosed):
            self._begin(connection, seen, script)
            if script.stops_reading:
                self._stopping.wait()
            while True:
                self._answer(connection, seen, connection.recv())
        with self._changed:
            seen.closed = connection.close_code or 0, connection.close_reason or ""
            self._changed.notify_all()

    def _begin(self, connection: ServerConnection, seen: LiveSeen, script: Script) -> None:
        first = connection.recv()
        seen.messages.append(first)
        if script.close is not None:
            close(connection, *script.close)
        elif "setup" not in json_object(first):
            connection.close(1007, "The first message has to be a setup.")
        elif "nope" in str(first):
            connection.close(1008, "models/nope is not found for API version v1beta.")
        elif not script.is_silent:
            connection.send(b'{"setupComplete": {}}')

    def _answer(self, connection: ServerConnection, seen: LiveSeen, message: str | bytes) -> None:
        seen.messages.append(message)
        order = json_object(message) if isinstance(message, str) else {}
        if (later := self.script(seen.key).later_close) is not None:
            close(connection, *later)
        elif "close" in order:
            close(connection, *order["close"])
        elif "drop" in order:
            connection.socket.close()
        elif "send" in order:
            connection.send(order["send"])
        elif order.keys() & {"clientContent", "client_content"}:
            connection.send(json.dumps(TURN).encode())
        elif "flood" in order:
            count, length = order["flood"]
            for self.flooded in range(1, count + 1):
                connection.send(bytes(length))
        elif "bytes" in order:
            connection.send(bytes(order["bytes"]))
        else:
            connection.send(message)


def close(connection: ServerConnection, code: int, reason: str) -> None:
    """Also with a code that no server should send."""
    payload = (struct.pack("!H", code) if code else b"") + reason.encode()
    connection.socket.sendall(bytes([0x88, len(payload)]) + payload)
    with suppress(ConnectionClosed):
        connection.recv(5)


def credentials(request: Request) -> list[str]:
    asked = parse_qs(urlsplit(request.path).query)
    said = request.headers.get_all("x-goog-api-key") + request.headers.get_all("Authorization")
    return said + asked.get("key", []) + asked.get("access_token", [])


def answer(status: int, body: Any) -> Response:
    text = body if isinstance(body, str) else json.dumps(body)
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(text))})
    return Response(status, HTTPStatus(status).phrase, headers, text.encode())


def json_object(message: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
