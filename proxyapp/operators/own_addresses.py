"""Under which addresses the gateway is reached, as far as a request shows it."""

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from proxyapp.vocabulary.addresses import WEB_PORTS, Listening, is_local


def own_addresses(request: HttpRequest) -> list[Listening]:
    """The socket's, and the name that the browser asked for. A local name may be a tunnel's."""
    host, _, port = request.get_host().rpartition(":")
    if not port.isdigit() or not host:
        host, port = request.get_host(), str(WEB_PORTS[request.scheme or "http"])
    host = host.removeprefix("[").removesuffix("]")
    found: list[Listening] = [] if is_local(host) else [(host, int(port))]
    server = request.scope.get("server") if isinstance(request, ASGIRequest) else None
    if server and server[1]:
        found += [(server[0], port) for port in {server[1], *settings.LISTEN_PORTS}]
    return found
