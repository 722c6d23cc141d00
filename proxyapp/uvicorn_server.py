"""The same application under uvicorn, for those who prefer it."""

import signal
import socket
import time
from collections.abc import Callable
from importlib.util import find_spec
from types import FrameType
from typing import Any

from uvicorn import Config, Server

from proxyapp.client_side import Limits
from proxyapp.uvicorn_http import UvicornSide

SAME_WISH_SECONDS = 1.0


class UvicornServer(Server):
    """Ends with exit code 0 after a drain, and flushes even when a second signal cuts the drain short."""

    def __init__(self, config: Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._signalled_at = 0.0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn would die of the signals that it captured. Terminal, supervisor and parent may all send one."""
        if self.should_exit and time.monotonic() - self._signalled_at > SAME_WISH_SECONDS:
            self.force_exit = True
        elif not self.should_exit:
            self._signalled_at = time.monotonic()
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()


def run(application: Any, listener: socket.socket, *, drain_seconds: float, on_listening: Callable[[], None]) -> None:
    side = UvicornSide(application, Limits.of_settings())
    config = Config(
        application,
        loop="uvloop" if find_spec("uvloop") else "asyncio",
        http=side.protocol,  # type: ignore[arg-type]
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn puts back what it finds here, before the process ends.
        signal.signal(number, signal.SIG_IGN)
    UvicornServer(config, on_listening).run(sockets=[listener])
