"""What a WebSocket's client has sent and the application has not taken."""

from typing import Any

from proxyapp.vocabulary.signal import Signal


class MessageQueue:
    """In place of asyncio's: one task takes, and a socket that waits is small."""

    __slots__ = ("_messages", "_news")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._news = Signal()

    def __len__(self) -> int:
        return len(self._messages)

    def put_nowait(self, message: Any) -> None:
        self._messages.append(message)
        self._news.set()

    async def get(self) -> Any:
        while not self._messages:
            await self._news.wait()
        return self._messages.pop(0)
