"""A client that sends WebSocket messages as fast as they are taken, and reads nothing."""

import contextlib
import socket as sockets
import struct
import time

FLOOD_SECONDS = 4.0


def flood(raw: sockets.socket, frame: bytes) -> int:
    """How many bytes it takes in FLOOD_SECONDS."""
    until, taken = time.monotonic() + FLOOD_SECONDS, 0
    raw.settimeout(0.2)
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            try:
                taken += raw.send(frame)
            except OSError as error:
                if isinstance(error, TimeoutError):
                    raise
                return taken
    return taken


def masked_frame(payload: bytes) -> bytes:
    return b"\x81" + struct.pack(">BHI", 0x80 | 126, len(payload), 0) + payload
