"""Sending a request body that is too large, or comes too slowly, for one write."""

from collections.abc import AsyncIterable
from typing import Protocol

import httpx

# asyncio's own high-water mark: a piece fills the write buffer up, and the next one waits.
PIECE_BYTES = 64 * 1024


class Writer(Protocol):
    async def write(self, data: bytes | memoryview) -> None: ...


async def send_body(writer: Writer, body: AsyncIterable[bytes], length: int | None) -> None:
    """Sends exactly `length` bytes, or chunks (RFC 9112 7.1) if it is None.

    A body of another length is a LocalProtocolError: the bytes after it would be read as the next
    request.
    """
    if length is None:
        await _send_chunks(writer, body)
        return
    left = length
    async for data in body:
        left -= len(data)
        if left < 0:
            raise httpx.LocalProtocolError("the body is longer than its Content-Length")
        await _send_pieces(writer, data)
    if left:
        raise httpx.LocalProtocolError("the body is shorter than its Content-Length")


async def _send_chunks(writer: Writer, body: AsyncIterable[bytes]) -> None:
    async for data in body:
        if data:  # an empty chunk would be the last one
            await writer.write(b"%x\r\n" % len(data))
            await _send_pieces(writer, data)
            await writer.write(b"\r\n")
    await writer.write(b"0\r\n\r\n")


async def _send_pieces(writer: Writer, data: bytes) -> None:
    if len(data) <= PIECE_BYTES:
        await writer.write(data)
        return
    view = memoryview(data)
    for start in range(0, len(view), PIECE_BYTES):
        await writer.write(view[start : start + PIECE_BYTES])
