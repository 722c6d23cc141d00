"""TCP connections to a name: its addresses are tried in turn, each with a head start (RFC 8305).

The event loop's own way is not used: in CPython 3.11 a cancellation in the wrong moment leaves its
socket open.
"""

import asyncio
import socket
from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Any

from proxyapp.vocabulary.forbidden_addresses import OffLimits, problem_of_address, written_address

HEAD_START_SECONDS = 0.25

Address = tuple[socket.AddressFamily, Any]


async def connect(host: str, port: int, *, is_link_local_allowed: bool = False) -> socket.socket:
    """A connected, non-blocking socket.

    Raises OSError: that of the first address if all of them fail.
    """
    addresses = await addresses_of(host, port, is_link_local_allowed=is_link_local_allowed)
    if len(addresses) == 1:
        return await _connect(addresses[0])
    attempts: list[asyncio.Task[socket.socket]] = []
    try:
        for address in alternating(addresses):
            attempts.append(asyncio.ensure_future(_connect(address)))
            winner = await _first(attempts, HEAD_START_SECONDS)
            if winner is not None:
                return _kept(attempts, winner)
        winner = await _first(attempts, None) or attempts[0]
        return _kept(attempts, winner)
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_close_unused)


async def addresses_of(host: str, port: int, *, is_link_local_allowed: bool) -> list[Address]:
    """Those that may be dialled, one or more. Raises OffLimits when there are others only."""
    addresses = await _resolve(host, port)
    problems = [
        _problem(address, is_link_local_allowed=is_link_local_allowed) for address in addresses
    ]
    kept = [
        address for address, problem in zip(addresses, problems, strict=True) if problem is None
    ]
    if not kept:
        raise OffLimits(next(filter(None, problems), "has no address"))
    return kept


def _problem(address: Address, *, is_link_local_allowed: bool) -> str | None:
    found = written_address(address[1][0])
    return problem_of_address(found, is_link_local_allowed=is_link_local_allowed) if found else None


async def _resolve(host: str, port: int) -> list[Address]:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:  # a name, which needs a thread
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in infos]


def alternating(addresses: list[Address]) -> Iterator[Address]:
    """One of each family in turn, starting with the family that the system prefers (RFC 8305 4)."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return (
        address
        for address in chain.from_iterable(zip_longest(first, others))
        if address is not None
    )


async def _connect(address: Address) -> socket.socket:
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address[1])
    except BaseException:
        sock.close()
        raise
    return sock


async def _first(
    attempts: list[asyncio.Task[socket.socket]], timeout: float | None
) -> asyncio.Task[socket.socket] | None:
    """The first attempt that succeeds; None when all have failed, or when the time is over."""
    pending = {attempt for attempt in attempts if not attempt.done()}
    while pending:
        done, pending = await asyncio.wait(
            pending, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        for attempt in done:
            if attempt.exception() is None:
                return attempt
        if not done:
            return None
    return None


def _kept(
    attempts: list[asyncio.Task[socket.socket]], winner: asyncio.Task[socket.socket]
) -> socket.socket:
    attempts.remove(winner)
    return winner.result()


def _close_unused(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
