"""One process that serves, from bound sockets to the end of its drain."""

import resource
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket

from django.conf import settings

from proxyapp.process.arenas import share_arenas
from proxyapp.process.bootstrap import database_errors_explained
from proxyapp.process.calm_collector import calm_collector
from proxyapp.process.start_error import StartError
from proxyapp.server.certificate import ClientPort, ServerCertificate
from proxyapp.server.drain import Drain
from proxyapp.server.http_server import ConnectionLimits
from proxyapp.server.library_check import LibraryMismatch


def client_ports(bound: list[socket], certificate: ServerCertificate | None) -> list[ClientPort]:
    """The last one has the certificate."""
    return [*map(ClientPort, bound[:-1]), ClientPort(bound[-1], certificate)]


def _nothing() -> None:
    pass


def serve(
    server: str,
    ports: Sequence[ClientPort],
    *,
    on_listening: Callable[[], None],
    on_draining: Callable[[], None] = _nothing,
) -> None:
    """Under `server`, daphne or uvicorn. Raises StartError."""
    from gateway.static_files import serve_versioned

    serve_versioned()
    drain = Drain(
        settings.SHUTDOWN_TIMEOUT_SECONDS, settings.RESTART_TIMEOUT_SECONDS, on_begin=on_draining
    )
    run = _run_uvicorn if server == "uvicorn" else _run_daphne
    try:
        with database_errors_explained():
            run(ports, drain, on_listening)
    except LibraryMismatch as error:
        raise StartError(str(error)) from error


def _run_daphne(
    ports: Sequence[ClientPort], drain: Drain, on_listening: Callable[[], None]
) -> None:
    from gateway.asgi import application
    from proxyapp import runtime
    from proxyapp.server import reactor

    allow_many_files()
    share_arenas()
    calm_collector()
    reactor.install()
    from proxyapp.server.daphne import GatewayServer

    GatewayServer(
        application,
        ports,
        limits=ConnectionLimits.of_settings(),
        drain=drain,
        startup=runtime.startup,
        shutdown=runtime.shutdown,
        on_listening=on_listening,
    ).run()


def _run_uvicorn(
    ports: Sequence[ClientPort], drain: Drain, on_listening: Callable[[], None]
) -> None:
    from gateway.asgi import application

    allow_many_files()
    share_arenas()
    calm_collector()
    from proxyapp.server import uvicorn

    uvicorn.run(application, ports, drain=drain, on_listening=on_listening)


def allow_many_files() -> None:
    """A stream takes two sockets, and the usual soft limit is 1,024 files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
