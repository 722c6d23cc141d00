"""IP addresses as clients and proxies write them."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address


def parsed_address(text: bytes) -> Address | None:
    """Some proxies add a port. An IPv4 address within IPv6 is the IPv4 address."""
    host = text.decode("latin-1")
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def network_of(address: str) -> str:
    """Whoever has one IPv6 address has 2^64 of them. Empty: it is no address."""
    found = parsed_address(address.encode())
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, 64), strict=False))
    return str(found or "")


@lru_cache(maxsize=256)
def is_loopback(address: str) -> bool:
    found = parsed_address(address.encode())
    return found is not None and found.is_loopback
