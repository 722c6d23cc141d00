"""`make demo`: starts an upstream, the gateway and clients, and ends them all at Ctrl-C."""

import argparse
import asyncio
import math
import shlex
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path

from proxyapp.process.listener import ListenError, bind_exclusively, parse_port
from tests.demo.cast import CLIENTS, config
from tests.demo.load import REQUESTS_A_SECOND, Load
from tests.demo.process import HOST, PASSWORD, USER, Gateway, PartFailed, first_free_port
from tests.demo.upstream import running_upstream
from tests.support.fake_upstream import FakeUpstream

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_SECONDS = 0.5


def main() -> int:
    chosen = options()
    try:
        port = first_free_port() if chosen.port is None else free_port(chosen.port)
        asyncio.run(show(port, chosen.load_seconds, has_history=chosen.has_history))
    except (ListenError, PartFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        return 0
    return 0


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", help="default: 8080, or the next one that is free")
    parser.add_argument(
        "--load-seconds",
        type=float,
        default=math.inf,
        metavar="N",
        help="the clients rest after N s",
    )
    parser.add_argument(
        "--no-load",
        dest="load_seconds",
        action="store_const",
        const=0.0,
        help="there are no clients",
    )
    parser.add_argument(
        "--no-history",
        dest="has_history",
        action="store_false",
        help="there is no usage from before",
    )
    return parser.parse_args()


def free_port(text: str) -> int:
    """Raises ListenError."""
    port = parse_port(text)
    bind_exclusively(HOST, port).close()
    return port


async def show(port: int, load_seconds: float, *, has_history: bool) -> None:
    """Until it is cancelled. Raises PartFailed when something ends before."""
    end_at_signals()
    with (
        tempfile.TemporaryDirectory(prefix="gateway-demo-") as name,
        running_upstream() as upstream,
    ):
        async with Gateway(Path(name), port, config(upstream.url, HOST, port)) as gateway:
            await first_end(
                perform(gateway, load_seconds, has_history=has_history),
                gateway.watch(),
                watch(upstream),
            )


def end_at_signals() -> None:
    """By cancelling this task, once: what ends then is not hurried by another Ctrl-C."""
    task = asyncio.current_task()
    assert task

    def end() -> None:
        if not task.cancelling():
            task.cancel()

    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, end)


async def perform(gateway: Gateway, load_seconds: float, *, has_history: bool) -> None:
    say(
        "Starting the gateway with made-up keys, clients and an upstream of its own; nothing leaves"
        " this machine …"
    )
    await gateway.listening()
    if has_history:
        await gateway.run_module("tests.demo.seed")
    greet(gateway, load_seconds, has_tokens=has_history)
    await Load(gateway.url).run(load_seconds)
    if load_seconds:
        say("The clients rest.")
    await asyncio.Event().wait()


async def watch(upstream: FakeUpstream) -> None:
    while not upstream.failures:
        await asyncio.sleep(LOOK_SECONDS)
    raise PartFailed(f"The upstream failed: {upstream.failures[0]!r}")


async def first_end(*parts: Coroutine[None, None, None]) -> None:
    """Raises what the part raised that ended first; the others are cancelled."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


def greet(gateway: Gateway, load_seconds: float, *, has_tokens: bool) -> None:
    low, high = REQUESTS_A_SECOND
    place = " ".join(
        f"{name}={shlex.quote(value) if value else ''}" for name, value in gateway.place.items()
    )
    say(f"Admin: {gateway.url}/admin/")
    say(f"Login: {USER}, password {PASSWORD} (demo only)")
    say(f"Proxy: {gateway.url}")
    say(f"Token: {CLIENTS[0].token if has_tokens else 'none is needed'}")
    say(f"Keys:  {place} {sys.executable} manage.py keys list")
    say(f"Log:   {gateway.log}")
    say(f"Load:  {f'{low:g} to {high:g} requests a second' if load_seconds else 'none'}")
    say("Ctrl-C ends everything and removes the demo's data.")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
