"""Live sessions of twenty minutes, with frames both ways, while their keys change."""

import asyncio
import os
import statistics
import time
from dataclasses import dataclass, field

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from tests.support.certificates import authority, server_context
from tests.support.fake_live import LIVE, SETUP
from tests.support.gateway import Gateway, group
from tests.support.reliability_figures import note

SECONDS = 60 * float(os.environ.get("SOAK_MINUTES", "20"))
SESSIONS = 8
FRAME_SECONDS, PING_SECONDS, LOOK_SECONDS = 0.1, 10.0, 2.0
CHANGES = 20
# A text of a chat, and 100 ms of audio in base64.
SIZES = (200, 6400)
MOST_GROWTH_BYTES = 8 << 20
KEYS = [{"key": f"KEY-{name}", "name": name} for name in ("one", "two", "three")]

pytestmark = [pytest.mark.soak, pytest.mark.asyncio]


@dataclass
class Seen:
    """Of one session, at its client."""

    sent: int = 0
    echoed: int = 0
    told: int = 0
    pongs: int = 0
    seconds: list[float] = field(default_factory=list)


async def upstream(socket: ServerConnection) -> None:
    """Sends back what comes, and numbers of its own."""
    await socket.recv()
    await socket.send('{"setupComplete": {}}')
    telling = asyncio.create_task(tell(socket))
    try:
        async for message in socket:
            await socket.send(message)
    finally:
        telling.cancel()


async def tell(socket: ServerConnection) -> None:
    number = 0
    while True:
        await asyncio.sleep(1)
        number += 1
        await socket.send(f"told {number}")


async def talk(socket: ClientConnection, seen: Seen, until: float) -> None:
    pinged_at = time.monotonic()
    while (now := time.monotonic()) < until:
        size = SIZES[seen.sent % len(SIZES)]
        text = f"{seen.sent} {now} ".ljust(size, "x")
        await socket.send(text if seen.sent % 4 else text.encode())
        seen.sent += 1
        if now - pinged_at > PING_SECONDS:
            pinged_at = now
            await asyncio.wait_for(await socket.ping(), 30)
            seen.pongs += 1
        await asyncio.sleep(FRAME_SECONDS)


async def listen(socket: ClientConnection, seen: Seen) -> None:
    """Each frame once and in its order."""
    async for message in socket:
        text = message if isinstance(message, str) else message.decode()
        first, second = text.split(" ")[:2]
        if first == "told":
            seen.told += 1
            assert int(second) == seen.told
            continue
        assert (int(first), len(text)) == (seen.echoed, SIZES[seen.echoed % len(SIZES)])
        seen.echoed += 1
        seen.seconds.append(time.monotonic() - float(second))


async def session(gateway: Gateway, seen: Seen, until: float) -> None:
    url = gateway.url.replace("http", "ws", 1) + LIVE
    async with connect(url, compression=None, ping_interval=None, proxy=None) as socket:
        await socket.send(SETUP)
        assert "setupComplete" in str(await socket.recv())
        listening = asyncio.create_task(listen(socket, seen))
        await talk(socket, seen, until)
        while seen.echoed < seen.sent and not listening.done():
            await asyncio.sleep(0.1)
        await socket.close()
        await listening


async def change_keys(gateway: Gateway, until: float) -> int:
    """Each is taken out and put back, one after the other."""
    pause, changes = (until - time.monotonic()) / (CHANGES + 2), 0
    while time.monotonic() + 2 * pause < until:
        await asyncio.sleep(pause)
        how = ("disable", "enable")[changes % 2]
        name = KEYS[changes // 2 % len(KEYS)]["name"]
        done = await asyncio.to_thread(gateway.manage, "keys", how, name)
        assert done.returncode == 0, done.stderr
        changes += 1
    return changes


async def look(gateway: Gateway, until: float) -> list[int]:
    process, found = psutil.Process(gateway.pid), []
    while time.monotonic() < until:
        await asyncio.sleep(LOOK_SECONDS)
        found.append(process.memory_info().rss)
    return found


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
async def test_sessions_of_twenty_minutes_lose_nothing_and_do_not_grow(server: str) -> None:
    seen = [Seen() for _ in range(SESSIONS)]
    tls = {"ssl": server_context(), "compression": None, "ping_interval": None}
    async with serve(upstream, "127.0.0.1", 0, **tls) as served:  # type: ignore[arg-type]
        port = next(iter(served.sockets)).getsockname()[1]
        target = group(KEYS, f"https://127.0.0.1:{port}", "main", ca_certificates=authority())
        gateway = await asyncio.to_thread(Gateway({"groups": [target]}, server=server).__enter__)
        try:
            until = time.monotonic() + SECONDS
            looking = asyncio.create_task(look(gateway, until))
            changing = asyncio.create_task(change_keys(gateway, until))
            await asyncio.gather(*(session(gateway, each, until) for each in seen))
            memory, changes = await looking, await changing
        finally:
            await asyncio.to_thread(gateway.__exit__, None, None, None)

    fifth = len(memory) // 5
    grown = statistics.median(memory[-fifth:]) - statistics.median(memory[fifth : 2 * fifth])
    waits = sorted(seconds * 1000 for each in seen for seconds in each.seconds)
    frames, told = sum(each.sent for each in seen), sum(each.told for each in seen)
    pings = sum(each.pongs for each in seen)
    note(
        f"Live, {server}: {SESSIONS} sessions of {SECONDS / 60:g} min over TLS, {frames} frames and"
        f" {told} of the upstream's own, {pings} pings, {changes} changes of keys: none lost;"
        f" echo p50 {waits[len(waits) // 2]:.1f} ms, p99 {waits[len(waits) * 99 // 100]:.1f} ms;"
        f" memory {grown / 1e6:+.1f} MB"
    )
    assert all(each.echoed == each.sent for each in seen)
    assert changes >= CHANGES // 2
    assert grown < MOST_GROWTH_BYTES
