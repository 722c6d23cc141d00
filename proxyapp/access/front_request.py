"""What a request of the admin shows of who stands in front of the gateway, and which settings it
asks for.

Everything in it may be made up. A value is named to an operator only in a form that a setting
takes, and an address as this gateway's own only when the browser says that the page was its own, or
when the request came under it.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http.request import split_domain_port, validate_host

from proxyapp.vocabulary.addresses import is_local, is_loopback

# What tells of a proxy; each may stand there without the others.
SIGNS = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"forwarded")
ADDRESSES = (b"x-forwarded-for", b"x-real-ip")
HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
LONGEST_ORIGIN = 280


@dataclass(frozen=True)
class AdminSettings:
    """Those that say what the admin believes."""

    allowed_hosts: Collection[str]
    own_hosts: Collection[str]  # what ALLOWED_HOSTS says, nothing if it is not set
    trusted_proxies: Collection[str]
    trusted_origins: Collection[str]
    is_behind_tls: bool


@dataclass(frozen=True)
class FrontRequest:
    """`peer`: whose connection it is; empty when the server does not know. `is_trusted`: it is a
    trusted proxy.
    """

    peer: str
    is_trusted: bool
    is_http_1_0: bool
    headers: dict[bytes, str]  # of repeated ones the last

    @classmethod
    def of(cls, scope: dict[str, Any], peer: str, *, is_trusted: bool) -> "FrontRequest":
        headers = {name: value.decode("latin-1").strip() for name, value in scope["headers"]}
        return cls(peer, is_trusted, scope.get("http_version") == "1.0", headers)

    @property
    def is_proxied(self) -> bool:
        """No browser speaks HTTP/1.0; a bare nginx does."""
        return self.is_http_1_0 or any(name in self.headers for name in SIGNS)

    @property
    def is_of_this_machine(self) -> bool:
        """As far as it shows: a proxy on this machine that says nothing hides who asks."""
        said = [self._last(name) for name in ADDRESSES if name in self.headers]
        return is_loopback(self.peer) and all(is_loopback(address) for address in said)

    @property
    def scheme(self) -> str:
        """As a proxy says it, trusted or not; empty when none does."""
        return self._last(b"x-forwarded-proto").lower()

    @property
    def host(self) -> str:
        return self._text(b"host")

    @property
    def origin(self) -> str:
        """Of the page that sent the form, if it may be this gateway's own. Empty: it may not, or
        nothing tells.
        """
        origin = self._text(b"origin") or _origin_of(self._text(b"referer"))
        parts = urlsplit(origin) if _is_origin(origin) else None
        if parts is None or not parts.hostname:
            return ""
        site = self._text(b"sec-fetch-site")
        if site not in ("", "same-origin"):
            return ""
        named = {_name(self.host), _name(self._last(b"x-forwarded-host"))}
        is_own = (
            site == "same-origin"
            or parts.hostname in named
            or is_local(parts.hostname)
            or (self.is_http_1_0 and is_local(_name(self.host)))
        )
        return origin if is_own else ""

    def _text(self, name: bytes) -> str:
        return self.headers.get(name, "")

    def _last(self, name: bytes) -> str:
        """What the last proxy said: each appends."""
        return self._text(name).rpartition(",")[2].strip()


def settings_for(front: FrontRequest, now: AdminSettings) -> list[str]:
    """The lines with which the request would have passed, as `.env` takes them."""
    return [
        f"{name}={','.join([*there, value])}"
        for name, there, value in _missing(front, now)
        if value
    ]


def _missing(front: FrontRequest, now: AdminSettings) -> Iterator[tuple[str, Collection[str], str]]:
    """Setting, what it has already, what it lacks."""
    host, is_https = _name(front.host), front.scheme == "https"
    if not validate_host(host, now.allowed_hosts):
        yield "ALLOWED_HOSTS", now.own_hosts, host
    if is_https and not front.is_trusted:
        yield "TRUSTED_PROXIES", now.trusted_proxies, front.peer
    if is_https and front.peer and not now.is_behind_tls:
        yield "BEHIND_TLS", (), "true"
    origin = front.origin
    under = f"{'https' if is_https else 'http'}://{front.host.lower()}"
    if origin and origin != under and origin not in now.trusted_origins:
        yield "CSRF_TRUSTED_ORIGINS", now.trusted_origins, origin


def _name(host: str) -> str:
    """Without its port; empty when it is none that a setting takes."""
    domain = split_domain_port(host)[0]
    is_name = HOST_NAME.fullmatch(domain) is not None or domain == "[::1]"
    return domain if is_name else ""


def _is_origin(text: str) -> bool:
    scheme, _, host = text.partition("://")
    return len(text) <= LONGEST_ORIGIN and scheme in ("http", "https") and bool(_name(host))


def _origin_of(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])
