"""Where no request with a key goes.

Link-local addresses and the metadata services of clouds, unless a group allows them, and addresses
that are no single host at all.

What counts is the address that is really dialled, so that a name whose address changes gains
nothing. Where a proxy resolves the name, only the name and addresses written out can be judged.
"""

import functools
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from proxyapp.vocabulary.marks import gettext_noop

Address = IPv4Address | IPv6Address

# As they are, for what is remembered of addresses has no language.
METADATA = gettext_noop(
    "is a link-local or cloud metadata address; set allow_link_local: true in its group if that is"
    " meant"
)
NOWHERE = gettext_noop(
    "is no address of a host (unspecified, multicast or broadcast); for this machine write"
    " 127.0.0.1"
)

METADATA_NAMES = frozenset({
    "instance-data", "instance-data.ec2.internal", "metadata", "metadata.goog",
    "metadata.google.internal", "metadata.tencentyun.com",
})  # fmt: skip
# Beyond link-local ones: Alibaba; Azure; Oracle; Amazon and Google over IPv6.
METADATA_NETWORKS = tuple(
    ip_network(text)
    for text in (
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
    )
)
NO_HOSTS = (ip_network("0.0.0.0/8"), ip_network("255.255.255.255/32"))
# NAT64 (RFC 6052), IPv4-translated (RFC 2765 2.1) and IPv4-compatible addresses (RFC 4291 2.5.5.1):
# IPv4 is at the end.
EMBEDDING = (ip_network("64:ff9b::/96"), ip_network("::ffff:0:0:0/96"), ip_network("::/96"))
# NAT64 within a site (RFC 8215), which may place the IPv4 address in four ways (RFC 6052 2.2).
SITE_NAT64 = ip_network("64:ff9b:1::/48")
SITE_NAT64_PLACES = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))

# Each new connection asks about its own, mostly the same few.
ADDRESSES_KNOWN = 256


class OffLimits(OSError):
    """Says what is refused and what to do, not the address: a name server may have said it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)


def problem_of(host: str, *, is_link_local_allowed: bool) -> str | None:
    """Why a URL's host is refused as written, in whatever spelling of an address."""
    address = written_address(host)
    if address is not None:
        return problem_of_address(address, is_link_local_allowed=is_link_local_allowed)
    if host.lower().rstrip(".") in METADATA_NAMES and not is_link_local_allowed:
        return METADATA
    return None


@functools.lru_cache(ADDRESSES_KNOWN)
def problem_of_address(address: Address, *, is_link_local_allowed: bool) -> str | None:
    forms = list(_forms(address))
    if any(_is_no_host(form) for form in forms):
        return NOWHERE
    if any(_is_metadata(form) for form in forms) and not is_link_local_allowed:
        return METADATA
    return None


@functools.lru_cache(ADDRESSES_KNOWN)
def written_address(host: str) -> Address | None:
    """None for a name.

    `0xa9fea9fe`, `2852039166`, `0251.0376.0251.0376` and `169.254.43518` are addresses too.
    """
    bare = host.partition("%")[0]
    try:
        return ip_address(bare)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(bare.removesuffix(".")))
    except (OSError, UnicodeError, ValueError):
        return None


def _forms(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 addresses that it may lead to."""
    yield address
    if address in SITE_NAT64:
        found = (
            IPv4Address(bytes(address.packed[place] for place in places))
            for places in SITE_NAT64_PLACES
        )
        # Zeros are those of the other places.
        yield from (form for form in found if not _is_no_host(form))
    embedded = None if isinstance(address, IPv4Address) else _embedded(address)
    if embedded is not None:
        yield embedded


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if int(address) <= 1:  # :: and ::1 are IPv6's own
        return None
    if any(address in network for network in EMBEDDING):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _is_metadata(address: Address) -> bool:
    return address.is_link_local or any(address in network for network in METADATA_NETWORKS)


def _is_no_host(address: Address) -> bool:
    is_outside = any(address in network for network in NO_HOSTS)
    return address.is_unspecified or address.is_multicast or is_outside
