"""What a relayed Live session costs: time added to a frame, and memory a session.

`python -m bench.live_sessions` prints it, under both servers; with `--tls` the upstream speaks TLS.
"""

import asyncio
import json
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from bench.contestants import gateway, group
from bench.process import LOAD_CORES, free_port, memory_mb, on_cores, running
from tests.support.certificates import client_context, pem

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SETUP = json.dumps({"setup": {"model": "models/gemini-live-2.5-flash"}})
SERVERS = ("daphne", "uvicorn")
# A text of a chat, and 100 ms of audio in base64.
SIZES = (200, 6400)
FRAMES = 2000
SESSIONS = 500
SETTLE_SECONDS = 3.0
READY = "ready"


async def echo(socket: ServerConnection) -> None:
    await socket.recv()
    await socket.send(b'{"setupComplete": {}}')
    async for message in socket:
        await socket.send(message)


async def serve_echo(port: int, certificate: str) -> None:
    """`certificate`: a file with its key too; empty: without TLS."""
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    async with serve(
        echo, "127.0.0.1", port, ssl=context, compression=None, max_size=None, ping_interval=None
    ) as server:
        print(READY, flush=True)
        await server.serve_forever()


async def opened(url: str) -> ClientConnection:
    tls = client_context() if url.startswith("wss") else None
    socket = await connect(url + PATH, ssl=tls, compression=None, max_size=None, ping_interval=None)
    await socket.send(SETUP)
    await socket.recv()
    return socket


async def round_trips(url: str, size: int) -> list[float]:
    """In milliseconds, of a message and its echo; the first tenth warms up."""
    socket, found = await opened(url), []
    message = os.urandom(size // 2).hex()
    for _ in range(FRAMES):
        began_at = time.perf_counter()
        await socket.send(message)
        await socket.recv()
        found.append((time.perf_counter() - began_at) * 1000)
    await socket.close()
    return found[FRAMES // 10 :]


async def grown_kb(url: str, pid: int) -> float:
    """Resident KB (1,000 bytes) a session, each of which has exchanged one message."""
    first = [await opened(url) for _ in range(20)]
    for socket in first:
        await socket.close()
    await asyncio.sleep(SETTLE_SECONDS)
    before = memory_mb(pid, "VmRSS")
    sockets = [await opened(url) for _ in range(SESSIONS)]
    for socket in sockets:
        await socket.send("x" * 1000)
        await socket.recv()
    await asyncio.sleep(SETTLE_SECONDS)
    grown = memory_mb(pid, "VmRSS") - before
    await asyncio.gather(*(socket.close() for socket in sockets))
    return grown * 1000 / SESSIONS


def added(direct: Sequence[float], relayed: Sequence[float]) -> float:
    """To one frame, at the median: a round trip is two."""
    return (statistics.median(relayed) - statistics.median(direct)) / 2


async def figures(server: str, upstream: str, proxied: str, pid: int) -> str:
    said = []
    for size in SIZES:
        direct = await round_trips(upstream, size)
        relayed = await round_trips(proxied, size)
        said.append(f"{added(direct, relayed):.3f} ms a frame of {size} bytes")
    kilobytes = await grown_kb(proxied, pid)
    return f"{server}: adds {', '.join(said)} (p50); {kilobytes:.1f} KB a session ({SESSIONS})"


def main(servers: Sequence[str], *, is_tls: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        certificate = Path(directory) / "certificate.pem"
        certificate.write_bytes(pem())
        port, scheme = free_port(), "https" if is_tls else "http"
        command = [sys.executable, "-m", "bench.live_sessions", "echo", str(port)]
        command.append(str(certificate) if is_tls else "")
        env = {"LIVE_SESSIONS": str(2 * SESSIONS), "UPSTREAM_CA_FILE": str(certificate)}
        config = {"groups": [group(f"{scheme}://127.0.0.1:{port}", auth="google")]}
        with on_cores(LOAD_CORES), running(command, cores=LOAD_CORES) as echoing:
            echoing.wait_for_line(READY)
            for server in servers:
                with gateway(server, config, env=env) as contestant:
                    proxied = contestant.url.replace("http", "ws", 1)
                    upstream = f"{scheme.replace('http', 'ws')}://127.0.0.1:{port}"
                    said = asyncio.run(figures(server, upstream, proxied, contestant.pid))
                    print(said, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["echo"]:
        asyncio.run(serve_echo(int(sys.argv[2]), sys.argv[3]))
    else:
        asked = sys.argv[1:]
        main([name for name in asked if name in SERVERS] or SERVERS, is_tls="--tls" in asked)
