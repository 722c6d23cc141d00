"""The socket that clients connect to, and what to call it."""

import errno
import socket
from collections.abc import Sequence

from proxyapp.vocabulary.addresses import ANY_ADDRESS

OF_IPV4 = "0.0.0.0"  # noqa: S104 (for who asked for all of IPv6, too)


class ListenError(Exception):
    """The address can't be listened on; the text says why."""


def parse_port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 65535:
        raise ListenError(f"Port {text!r} is not a number from 1 to 65535.")
    return int(text)


def bind(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """A bound socket that does not listen yet.

    `is_shared`: other workers bind the same port (SO_REUSEPORT).
    """
    family, address = _resolve(host, port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and host == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ListenError(explain(error, host, port)) from error
    return listener


def bind_all(host: str, ports: Sequence[int]) -> list[socket.socket]:
    """One socket for each port, all of them shared."""
    return [bind(host, port, is_shared=True) for port in ports]


def bind_exclusively(host: str, port: int) -> socket.socket:
    """Listens for a moment, because only that tells a port that is in use from one that was."""
    with bind(host, port) as probe:
        try:
            probe.listen(1)
        except OSError as error:
            raise ListenError(explain(error, host, port)) from error
    return bind(host, port)


def _resolve(host: str, port: int) -> tuple[int, tuple[object, ...]]:
    """`::` is every address that the machine has, also where it has none of IPv6."""
    wanted = OF_IPV4 if host == "::" and not _has_ipv6() else host
    try:
        found = socket.getaddrinfo(wanted, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ListenError(
            f"Host {host!r} is not an address of this machine: it cannot be resolved."
        ) from error
    family, _, _, _, address = sorted(found, key=lambda each: each[0] != socket.AF_INET)[0]
    return family, address


def _has_ipv6() -> bool:
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError:
        return False
    return True


def explain(error: OSError, host: str, port: int) -> str:
    place = shown_address(host, port)
    if error.errno == errno.EADDRINUSE:
        return (
            f"{place} is in use by another program: stop that one, or choose another port with"
            " --port (or --tls-port)."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"Host {host!r} is not an address of this machine."
    if error.errno == errno.EACCES:
        return f"{place} is reserved: ports below 1024 need special rights."
    return f"{place} cannot be listened on: {error.strerror or error}."


def shown_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url(host: str, port: int, scheme: str = "http") -> str:
    """One that works in a browser on this machine."""
    return f"{scheme}://{shown_address(ANY_ADDRESS.get(host, host), port)}"
