"""One way to speak to an upstream through httpx's interfaces.

`python -m bench.transport_probe NAME URL SECONDS` prints CPU microseconds and requests a second for
small POSTs, 32 in flight.
"""

import asyncio
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

IN_FLIGHT = 32
BODY = b'{"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}'
HEADERS = [
    (b"host", b"upstream"),
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(BODY)),
]
Ask = Callable[[], Awaitable[object]]


def transport_alone(transport: httpx.AsyncBaseTransport, url: str) -> Ask:
    """As the gateway does: a request object, the transport, the raw chunks."""
    target = httpx.URL(url)

    async def ask() -> None:
        extensions = {"target": target.raw_path}
        request = httpx.Request(
            "POST", target, headers=HEADERS, stream=httpx.ByteStream(BODY), extensions=extensions
        )
        response = await transport.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for _ in response.stream:
            pass
        await response.stream.aclose()

    return ask


def with_client(client: Any, url: str) -> Ask:
    """A client of httpx or httpx2, streaming."""

    async def ask() -> None:
        async with client.stream(
            "POST", url, content=BODY, headers={"content-type": "application/json"}
        ) as response:
            async for _ in response.aiter_raw():
                pass

    return ask


def our_transport() -> httpx.AsyncBaseTransport:
    from proxyapp.upstream.transport import Transport

    context = ssl.create_default_context()
    return Transport(
        proxy_url=None,
        connect_timeout=10,
        read_timeout=60,
        keepalive_seconds=15,
        ssl_context=context,
    )


def aiohttp_transport() -> httpx.AsyncBaseTransport:
    import httpx_aiohttp

    transport: httpx.AsyncBaseTransport = httpx_aiohttp.AiohttpTransport()
    return transport


def pyreqwest_transport() -> httpx.AsyncBaseTransport:
    from pyreqwest.compatibility.httpx import HttpxTransport

    transport: httpx.AsyncBaseTransport = HttpxTransport()
    return transport


def client2() -> Any:
    import httpx2

    return httpx2.AsyncClient(trust_env=False)


def limits() -> httpx.Limits:
    return httpx.Limits(max_connections=None, max_keepalive_connections=None)


WAYS: dict[str, Callable[[str], Ask]] = {
    "ours": lambda url: transport_alone(our_transport(), url),
    "ours-client": lambda url: with_client(httpx.AsyncClient(transport=our_transport()), url),
    "httpx": lambda url: with_client(httpx.AsyncClient(trust_env=False, limits=limits()), url),
    "httpx-alone": lambda url: transport_alone(httpx.AsyncHTTPTransport(limits=limits()), url),
    "httpx2": lambda url: with_client(client2(), url),
    "aiohttp": lambda url: with_client(httpx.AsyncClient(transport=aiohttp_transport()), url),
    "aiohttp-alone": lambda url: transport_alone(aiohttp_transport(), url),
    "pyreqwest": lambda url: with_client(httpx.AsyncClient(transport=pyreqwest_transport()), url),
    "pyreqwest-alone": lambda url: transport_alone(pyreqwest_transport(), url),
}


async def measure(ask: Ask, seconds: float) -> tuple[float, float]:
    """CPU microseconds a request, and requests a second."""
    done = 0

    async def client(until: float) -> None:
        nonlocal done
        while time.monotonic() < until:
            await ask()
            done += 1

    async def all_clients(length: float) -> None:
        until = time.monotonic() + length
        await asyncio.gather(*(client(until) for _ in range(IN_FLIGHT)))

    await all_clients(0.5)
    done, cpu, wall = 0, time.process_time(), time.monotonic()
    await all_clients(seconds)
    return (time.process_time() - cpu) / done * 1e6, done / (time.monotonic() - wall)


async def main() -> None:
    name, url, seconds = sys.argv[1:]
    cpu, rate = await measure(WAYS[name](url), float(seconds))
    print(f"{cpu:.1f} {rate:.0f}")


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
