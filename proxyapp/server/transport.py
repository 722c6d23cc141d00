"""What a connection asks of its transport, in asyncio's words, whatever the transport is."""

from typing import Any, Protocol


class ClientTransport(Protocol):
    """`close` and `write_eof` first send what waits."""

    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_extra_info(self, name: str) -> Any:
        """Of `peername`, `sockname` and `socket`."""

    def get_write_buffer_size(self) -> int: ...
