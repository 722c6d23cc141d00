"""Requests through the gateway in this process, without a socket: what `bench.instructions` counts.

`python bench/in_process.py REQUESTS`, in the folder of the checkout that is meant.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 320
CONNECTIONS = 32
QUESTION = b'{"contents":[{"role":"user","parts":[{"text":"%b"}]}]}' % (b"y" * 500)
REQUEST = (
    b"POST /v1beta/models/gemini-2.5-flash:generateContent HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
    b"Content-Type: application/json\r\nx-goog-api-key: none\r\nContent-Length: %d\r\n\r\n%b"
    % (len(QUESTION), QUESTION)
)
BODY = (
    b'{"candidates":[{"content":{"parts":[{"text":"%b"}],"role":"model"},"finishReason":"STOP"}],'
    b'"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":20,"totalTokenCount":28}}'
    % (b"x" * 420)
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 29 Nov 2026 10:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%b"
    % (len(BODY), BODY)
)
KEYS = "".join(f"      - AIza{number:035d}\n" for number in range(10))
CONFIG = f"""groups:
  - name: a
    target_url: http://127.0.0.1:9
    auth: google
    rate_limit_policy: quota_aware
    api_keys:
{KEYS}"""


class Wire(asyncio.Transport):
    """A transport that leads nowhere."""

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name, default)


class UpstreamWire(Wire):
    def __init__(self, connection: Any) -> None:
        super().__init__()
        self._connection = connection
        self._loop = asyncio.get_running_loop()

    def write(self, data: object) -> None:
        self._loop.call_soon(self._answer)

    def _answer(self) -> None:
        buffer = self._connection.get_buffer(-1)
        buffer[: len(ANSWER)] = ANSWER
        self._connection.buffer_updated(len(ANSWER))


class ClientWire(Wire):
    """Asks again as soon as it is answered, so many times."""

    def __init__(self, connection: Any, count: int, on_end: Callable[[], None]) -> None:
        super().__init__()
        self._connection = connection
        self._left = count
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()

    def ask(self) -> None:
        self._loop.call_soon(self._connection.data_received, REQUEST)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not bytes(data[:15]).startswith(b"HTTP/1.1 200 OK"):
            sys.exit(f"No answer of 200: {bytes(data)[:300]!r}")
        self._left -= 1
        if self._left:
            self.ask()
        else:
            self._on_end()


def set_up(home: Path) -> None:
    os.environ |= {
        "VAR_DIR": str(home),
        "ENV_FILE": os.devnull,
        "DATABASE_URL": f"sqlite:///{home}/db.sqlite3",
        "SECRET_KEY": "in-process-" + "x1" * 24,
        "ALLOW_ANONYMOUS": "true",
        "ROTATION_LEASE": "4000",  # none runs out on the way, however slow this is
        "DJANGO_SETTINGS_MODULE": "gateway.settings",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    config = home / "config.yaml"
    config.write_text(CONFIG)
    config.chmod(0o600)
    call_command("import_config", str(config), verbosity=0, stdout=sys.stderr)


async def serve(count: int) -> None:
    from gateway.asgi import application
    from proxyapp import runtime
    from proxyapp.process.calm_collector import calm_collector
    from proxyapp.server.connection import ClientConnection
    from proxyapp.server.http_server import ConnectionLimits, HttpServer
    from proxyapp.server.uvicorn_http import UvicornConnection
    from proxyapp.upstream import dial

    class Connection(UvicornConnection):
        def __init__(self, server: HttpServer) -> None:
            ClientConnection.__init__(self, server)
            state: Any = types.SimpleNamespace(connections=set(), tasks=set())
            self.server_state = state

    async def opened(_dialer: object, _origin: object, new: Callable[[], Any]) -> Any:
        connection = new()
        connection.connection_made(UpstreamWire(connection))
        return connection

    setattr(dial.Dialer, "open", opened)  # noqa: B010 (of any type)
    await runtime.startup()
    loop = asyncio.get_running_loop()
    server: Any = HttpServer(ConnectionLimits.of_settings())
    server.application, server.loop, server.now = application, loop, loop.time()

    async def run(requests: int) -> None:
        ended = asyncio.Semaphore(0)
        for _ in range(CONNECTIONS):
            connection = Connection(server)
            wire = ClientWire(connection, requests // CONNECTIONS, ended.release)
            connection.connection_made(wire)
            wire.ask()
        for _ in range(CONNECTIONS):
            await ended.acquire()

    await run(WARM_UP)
    calm_collector()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()  # what is done once a second would count as often as this is slow
    await asyncio.sleep(0.5)
    _count("on")
    await run(count)
    _count("off")


def _count(state: str) -> None:
    subprocess.run(
        ["callgrind_control", "-i", state, str(os.getpid())], check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    with tempfile.TemporaryDirectory(prefix="in-process-") as folder:
        set_up(Path(folder))
        import uvloop

        uvloop.run(serve(int(sys.argv[1])))
        sys.stdout.flush()
        os._exit(0)
