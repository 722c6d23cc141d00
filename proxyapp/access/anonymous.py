"""Who may use a gateway without client tokens: programs and pages of this machine.

A browser sends requests for any page that it shows. A page of another site must not spend the keys,
neither by asking this machine directly nor by a name of its own that it lets point here (DNS
rebinding).
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.places import NAME
from proxyapp.access.page_origins import may_ask
from proxyapp.vocabulary.addresses import is_local, is_loopback
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import NotAllowed, Unauthorized

# A page whose name was made to point here (plain HTTP, GET) sends none of the first two, but always
# its languages.
OF_BROWSERS = frozenset({b"origin", b"sec-fetch-site", b"accept-language", b"referer"})


def check_anonymous(
    scope: Mapping[str, Any], allowed_hosts: Collection[str], allowed_origins: Collection[str] = ()
) -> None:
    """Raises Unauthorized or NotAllowed.

    A Unix socket, or an address that is not told, is not this machine's own.
    """
    server = scope.get("server")
    if not server or not is_loopback(server[0]):
        raise Unauthorized(
            "The gateway has no client token yet and so serves its own machine only: make one with "
            f"`{NAME} tokens create NAME`."
        )
    if any(name in OF_BROWSERS for name, _ in scope["headers"]):
        check_page(scope["headers"], allowed_hosts, allowed_origins)


def check_page(
    headers: list[Header], allowed_hosts: Collection[str], allowed_origins: Collection[str]
) -> None:
    """A site counts as another one also where it is this machine's: what tells is the origin,
    which a browser leaves out of what no page reads.
    """
    found = {name: value.decode("latin-1") for name, value in reversed(headers)}
    origin = found.get(b"origin")
    host = _host(f"//{found.get(b'host', '')}")
    if not is_local(host) and host not in allowed_hosts:
        raise NotAllowed(
            "A page may use the gateway without a client token under a name of this machine only,"
            f" and not under {host[:100]!r}. If that is its name, add it to ALLOWED_HOSTS."
        )
    is_foreign = origin is None and found.get(b"sec-fetch-site") == "cross-site"
    if is_foreign or (origin is not None and not may_ask(origin, allowed_hosts, allowed_origins)):
        raise NotAllowed(
            "A page of another site may not use the gateway without a client token. If it is yours,"
            f" give it a token (`{NAME} tokens create NAME`), or add its origin"
            f"{f' {origin[:100]!r}' if origin else ''} to ALLOWED_ORIGINS."
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
