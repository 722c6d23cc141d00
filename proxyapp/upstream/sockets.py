"""TCP connections to a name: its addresses are raced, each with a head start (RFC 8305).

A name is looked up once, and the race knows addresses only: what was checked is what is dialled.
The event loop's own race is not used: in CPython 3.11 a cancellation in the wrong moment leaves its
socket open.
"""

import asyncio
import errno
import socket
from typing import Any

from aiohappyeyeballs import start_connection

from proxyapp.vocabulary.forbidden_addresses import OffLimits, problem_of_address, written_address

CONNECTED = (0, errno.EISCONN)  # what a second call says on Linux, on macOS
HEAD_START_SECONDS = 0.25  # what RFC 8305 recommends (sections 5 and 8)

# As `getaddrinfo` has it: family, kind, protocol, canonical name, and the address with its port.
Address = tuple[int, int, int, str, tuple[Any, ...]]


async def connect(addresses: list[Address]) -> socket.socket:
    """A connected, non-blocking socket; the families of addresses take turns.

    Raises OSError: that of the first address if all of them fail.
    """
    if len(addresses) == 1 and (connected := _connected_at_once(addresses[0])):
        return connected
    try:
        return await start_connection(addresses, happy_eyeballs_delay=HEAD_START_SECONDS)
    except OSError as error:
        if error.errno is not None or len(addresses) == 1:
            raise
    # Errors that differ come as one, without a number: the first address tells its own once more.
    return await start_connection(addresses[:1])


def _connected_at_once(address: Address) -> socket.socket | None:
    """To this machine: all is done by the time that it is begun, and to have the event loop watch
    for it costs more than the connection. None: it is not to be had so.
    """
    host = host_of(address)
    if host != "::1" and not host.startswith("127."):
        return None
    made = socket.socket(*address[:3])
    made.setblocking(False)
    if made.connect_ex(address[4]) == 0 or made.connect_ex(address[4]) in CONNECTED:
        return made
    made.close()
    return None


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


def host_of(address: Address) -> str:
    host: str = address[4][0]
    return host


def _problem(address: Address, *, is_link_local_allowed: bool) -> str | None:
    found = written_address(host_of(address))
    return problem_of_address(found, is_link_local_allowed=is_link_local_allowed) if found else None


async def _resolve(host: str, port: int) -> list[Address]:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:  # a name, which needs a thread
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(infos)
