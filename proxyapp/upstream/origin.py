"""Who is dialled: the origin of a target's URL, and the proxy on the way to it."""

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import httpx

from proxyapp.upstream.http1 import unsent
from proxyapp.vocabulary.addresses import WEB_PORTS

DEFAULT_PORTS = {**WEB_PORTS, "socks5": 1080, "socks5h": 1080}
PROXY_URL = "a proxy's URL is http://, https://, socks5:// or socks5h://, a host and perhaps a port"


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a connection leads to (RFC 6454 4). The scheme is in lower case, the host a name or an
    address without brackets.
    """

    scheme: str
    host: str
    port: int

    def __hash__(self) -> int:
        """Looked up with each request: dataclasses would make a tuple for it."""
        return hash(self.host)

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def host_header(self) -> str:
        return self.authority.removesuffix(f":{DEFAULT_PORTS[self.scheme]}")


@dataclass(frozen=True, slots=True)
class Proxy(Origin):
    """A group's proxy. What it fails at is a ProxyError, which names it without its credentials."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "Proxy":
        """Raises ValueError, which does not quote the URL."""
        try:
            parts = urlsplit(url)
            port = parts.port or DEFAULT_PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise ValueError(PROXY_URL) from None
        if not parts.hostname:
            raise ValueError(PROXY_URL)
        return cls(
            parts.scheme,
            parts.hostname,
            port,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def authorization(self) -> list[tuple[bytes, bytes]]:
        if not self.username and not self.password:
            return []
        credentials = b64encode(f"{self.username}:{self.password}".encode())
        return [(b"Proxy-Authorization", b"Basic " + credentials)]

    def forwards(self, origin: Origin) -> bool:
        """Whether requests go to the proxy itself, in absolute form (RFC 9112 3.2.2), and not
        through a tunnel.
        """
        return not self.is_socks and not origin.is_tls

    def failure(self, what: str) -> httpx.ProxyError:
        return unsent(httpx.ProxyError(f"proxy {self.authority}: {what}"))
