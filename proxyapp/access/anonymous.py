"""Who may use a gateway without client tokens: programs and pages of this machine.

A browser sends requests for any page that it shows. A page of another site must not spend the keys,
neither by asking this machine directly nor by a name of its own that it lets point here (DNS
rebinding).
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from proxyapp.vocabulary.addresses import is_loopback
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import NotAllowed, Unauthorized

# A page whose name was made to point here (plain HTTP, GET) sends none of the first two, but always
# its languages.
OF_BROWSERS = frozenset({b"origin", b"sec-fetch-site", b"accept-language", b"referer"})


def check_anonymous(scope: Mapping[str, Any], allowed_hosts: Collection[str]) -> None:
    """Raises Unauthorized or NotAllowed.

    A Unix socket, or an address that is not told, is not this machine's own.
    """
    server = scope.get("server")
    if not server or not is_loopback(server[0]):
        raise Unauthorized(
            "The gateway has no client token yet and so serves its own machine only: make one with "
            "`manage.py tokens create NAME`."
        )
    if any(name in OF_BROWSERS for name, _ in scope["headers"]):
        check_page(scope["headers"], allowed_hosts)


def check_page(headers: list[Header], allowed_hosts: Collection[str]) -> None:
    found = {name: value.decode("latin-1") for name, value in reversed(headers)}
    origin = found.get(b"origin")
    hosts = [_host(f"//{found.get(b'host', '')}"), *([_host(origin)] if origin is not None else [])]
    is_foreign = found.get(b"sec-fetch-site") == "cross-site"
    if is_foreign or not all(is_own_name(host) or host in allowed_hosts for host in hosts):
        raise NotAllowed(
            "A page of another site may not use the gateway without a client token. If it is yours,"
            " give it a token (`manage.py tokens create NAME`), or add its host name to"
            " ALLOWED_HOSTS."
        )


def is_own_name(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or is_loopback(host)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
