"""A TCP relay: a load balancer that takes turns, or a network that can be cut."""

import asyncio
import itertools
import threading
from collections import Counter
from contextlib import suppress


class Relay:
    """To the ports of this machine in turn; where nobody listens, to the next one.

    It has a thread and an event loop of its own. `host`: where it listens. `served`: how many
    connections each port took.
    """

    def __init__(self, *ports: int, host: str = "127.0.0.1") -> None:
        self._host = host
        self._orders = itertools.cycle([ports[at:] + ports[:at] for at in range(len(ports))])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._is_whole = asyncio.Event()
        self._is_whole.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self.served: Counter[int] = Counter()
        self.port = 0

    def __enter__(self) -> "Relay":
        self._thread.start()
        server = asyncio.start_server(self._serve, self._host, 0)
        self._server = asyncio.run_coroutine_threadsafe(server, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Nothing passes in either direction, and neither side is told."""
        self._loop.call_soon_threadsafe(self._is_whole.clear)

    def mend(self) -> None:
        """What was open when it was cut is reset."""
        self._loop.call_soon_threadsafe(self._reset)

    def _reset(self) -> None:
        for end in self._ends:
            end.transport.abort()
        self._is_whole.set()

    async def _close(self) -> None:
        self._server.close()
        self._reset()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            await self._is_whole.wait()
            there, back = await self._dial()
        except OSError:
            writer.transport.abort()
        else:
            self._ends.add(back)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
            self._ends.discard(back)
        self._ends.discard(writer)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError when nobody listens anywhere."""
        for port in next(self._orders):
            with suppress(ConnectionRefusedError):
                found = await asyncio.open_connection("127.0.0.1", port)
                self.served[port] += 1
                return found
        raise ConnectionRefusedError

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._is_whole.wait()
                writer.write(data)
                await writer.drain()
            await self._is_whole.wait()
        writer.close()
