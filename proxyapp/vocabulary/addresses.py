"""IP addresses as clients and proxies write them."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from proxyapp.vocabulary.marks import gettext_noop

Address = IPv4Address | IPv6Address
Listening = tuple[str, int]  # host and port
# To listen on, and how each is asked from this machine.
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (told apart, not bound)
WEB_PORTS = {"http": 80, "https": 443}
LEADS_BACK = gettext_noop(
    "leads back to this gateway: write the provider's address, such as"
    " https://generativelanguage.googleapis.com"
)


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


def leads_to(url: str, listening: Listening) -> bool:
    """Whether a URL plainly names the address that is listened on, which may be any of this
    machine's. What only a name server or another proxy knows is found when a request comes back.
    """
    host, port = listening
    try:
        parts = urlsplit(url)
        asked = parts.port or WEB_PORTS.get(parts.scheme)
    except ValueError:
        return False
    if asked != port or parts.hostname is None:
        return False
    is_this_machine = host in ANY_ADDRESS or is_local(host)
    return parts.hostname == host.lower() or (
        is_this_machine and (parts.hostname in ANY_ADDRESS or is_local(parts.hostname))
    )


def is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or is_loopback(host)
