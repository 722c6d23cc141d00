"""What a client has sent while its session is looked for: each key that is tried gets all of it."""

from proxyapp.provider.live_messages import Message, written_in
from proxyapp.upstream.websocket import WebSocket
from proxyapp.vocabulary.signal import Signal

# As the longest first message. Who sends more before the upstream has said a word has to wait.
MOST_KEPT_BYTES = 1 << 20
# What one takes beside its length: a million of empty ones are no small thing.
MESSAGE_BYTES = 64


class KeptMessages:
    """Written by one task, which is the client's; sent by another one."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._bytes = 0
        self._sent = 0
        self._news = Signal()
        self._has_room = Signal()
        self._is_settled = False
        self.is_over = False
        self.is_handed_over = False

    @property
    def is_empty(self) -> bool:
        return not self.messages

    async def add(self, message: Message) -> None:
        """Returns when there is room for another one."""
        if self.is_over:
            return
        self.messages.append(message)
        self._bytes += len(message) + MESSAGE_BYTES
        self._news.set()
        if self._bytes > MOST_KEPT_BYTES and not self._is_settled:
            await self._has_room.wait()

    async def first(self) -> Message:
        while not self.messages:
            await self._news.wait()
        return self.messages[0]

    def say_first(self, data: bytes) -> None:
        """In place of the first message, in the form that it has."""
        is_text = isinstance(self.messages[0], str)
        self.messages[0] = data.decode(errors="replace") if is_text else data

    def text(self) -> str:
        """What the client has written, for whoever wonders whose words they are."""
        return "\n".join(map(written_in, self.messages))

    async def send_all(self, socket: WebSocket) -> None:
        """From the first on, and then what comes; returns after `settle` only.

        Raises ConnectionClosed.
        """
        self._sent = 0
        while True:
            await self._send_rest(socket)
            if self._is_settled:
                return
            await self._news.wait()

    def settle(self) -> None:
        """No other key will be tried."""
        self._is_settled = True
        self._news.set()

    async def hand_over(self, socket: WebSocket) -> None:
        """After `send_all`: nothing is kept when this returns, and what comes next is sent by
        whoever has it.
        """
        await self._send_rest(socket)
        self.is_handed_over = True
        self.messages.clear()
        self._bytes = self._sent = 0
        self._has_room.set()

    def close(self) -> None:
        """Nobody asks for them any more; who waits for room is let go."""
        self.is_over = True
        self._has_room.set()

    async def _send_rest(self, socket: WebSocket) -> None:
        while self._sent < len(self.messages):
            message = self.messages[self._sent]
            self._sent += 1
            await socket.send(message)
