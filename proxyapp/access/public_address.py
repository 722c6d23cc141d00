"""Under which address a client reached the gateway, for URLs that it is to come back to.

What a proxy in front says of it counts if the proxy is trusted. A client that makes it up leads
only itself astray: the URL is told to nobody else.
"""

import functools
import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes

from django.conf import settings

from proxyapp.access.client_address import FORWARDED_PROTO, TrustedProxies, header_values
from proxyapp.vocabulary.addresses import WEB_PORTS

logger = logging.getLogger(__name__)
UNQUOTED = "%/:@!$&'()*+,;=~"
_HOST = re.compile(rb"((?:[A-Za-z0-9._~-]{1,253})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


def public_url(scope: Mapping[str, Any], path: bytes, query: bytes | None) -> bytes:
    """`path`: behind the prefix that the gateway is deployed below."""
    trusted = TrustedProxies(settings.TRUSTED_PROXIES)
    whole = settings.PATH_PREFIX.encode() + path
    url = public_origin(scope, trusted) + quote_from_bytes(whole, UNQUOTED).encode()
    return url if query is None else url + b"?" + query


def public_origin(scope: Mapping[str, Any], trusted: TrustedProxies) -> bytes:
    """Scheme, host and port, as far as it is another than the scheme's."""
    scheme, is_proxied = trusted.scheme(scope), trusted.have_sent(scope)
    said = header_values(scope["headers"], FORWARDED_PROTO)[-1:]
    if not is_proxied and scheme == "http" and said == [b"https"]:
        _tell_of_untrusted_proxy()
    host, port = _host_and_port(scope, is_proxied=is_proxied)
    if port and int(port) == WEB_PORTS[scheme]:
        port = b""
    return scheme.encode() + b"://" + host + (b":" + port if port else b"")


@functools.cache
def _tell_of_untrusted_proxy() -> None:
    """Once."""
    logger.warning(
        "Who passed a request on says that the client came over HTTPS, but is none of"
        " TRUSTED_PROXIES: the URL that a client got for its upload begins with http://. If it was"
        " your proxy, name its address there."
    )


def _host_and_port(scope: Mapping[str, Any], *, is_proxied: bool) -> tuple[bytes, bytes]:
    """Of several proxies the first one knows what the client asked for. Many name the host without
    its port, and some that by itself.
    """
    headers = scope["headers"]
    named = header_values(headers, b"host")[:1]
    if is_proxied:
        named = header_values(headers, b"x-forwarded-host")[:1] + named
    for text in named:
        if found := _HOST.fullmatch(text):
            port = (found[2] or b"")[1:]
            return found[1], port or (_forwarded_port(scope) if is_proxied else b"")
    address, own_port = scope.get("server") or ("localhost", None)
    host = f"[{address}]" if ":" in address else address
    return host.encode(), str(own_port or "").encode()


def _forwarded_port(scope: Mapping[str, Any]) -> bytes:
    said = header_values(scope["headers"], b"x-forwarded-port")[:1]
    return said[0] if said and said[0].isdigit() and len(said[0]) <= 5 else b""
