"""A WebSocket to a group's target, on a connection that goes the way of the group's requests."""

import logging
from typing import TypeAlias

from django.conf import settings
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.http11 import Response
from websockets.uri import WebSocketURI

from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.upstream.transport import origin_of
from proxyapp.upstream.upstreams import Upstreams
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.errors import BadRequest, UpstreamFailed, UpstreamTimedOut
from proxyapp.vocabulary.in_task import time_limit

WebSocket: TypeAlias = ClientConnection
# The client's messages wait in its own socket: more of them here would only be memory.
MOST_WAITING, FEWEST_WAITING = 1, 0
CLOSE_SECONDS = 5.0
# The library's own would write down handshakes, and with them the key.
QUIET = logging.getLogger(f"{__name__}.frames")
QUIET.setLevel(logging.ERROR)
# In place of the target's, whose headers nobody reads.
SWITCHED = Response(101, "Switching Protocols", Headers())
_OWN_HANDSHAKE = b"sec-websocket-"
LOWEST_ERROR = 400


class UpgradeRefused(Exception):
    """The target has answered with an error instead of 101."""

    def __init__(self, status: int, headers: list[Header], body: bytes) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.headers = headers
        self.body = body


async def open_websocket(
    upstreams: Upstreams, group: PoolGroup, target: bytes, headers: list[Header], most_bytes: int
) -> WebSocket:
    """`headers`: as for a request. `most_bytes`: of a message. No ping is sent by itself.

    Raises UpgradeRefused, or GatewayError when there is no answer.
    """
    socket = await upstreams.dial(group, lambda: _new(group, target, most_bytes))
    try:
        await _shake_hands(socket, group, headers)
    except BaseException:
        socket.transport.abort()
        raise
    # The key is in it, and a session lasts for hours.
    socket.request, socket.response = None, SWITCHED
    return socket


async def _shake_hands(socket: WebSocket, group: PoolGroup, headers: list[Header]) -> None:
    try:
        async with time_limit(settings.READ_TIMEOUT_SECONDS):
            await socket.handshake(_headers(headers), user_agent_header=None)
    except InvalidStatus as error:
        raise _refused(error, group) from None
    except TimeoutError:
        raise UpstreamTimedOut(f"{group.url.host} does not answer the handshake.") from None
    except ValueError as error:  # of a header that cannot be sent
        raise BadRequest(f"The handshake cannot be forwarded: {error}.") from None
    except (InvalidHandshake, EOFError, OSError):
        raise UpstreamFailed(f"{group.url.host} broke off the handshake.") from None


def _new(group: PoolGroup, target: bytes, most_bytes: int) -> WebSocket:
    origin = origin_of(group.url)
    path, _, query = target.decode("latin-1").partition("?")
    uri = WebSocketURI(origin.is_tls, origin.host, origin.port, path, query)
    return ClientConnection(
        ClientProtocol(uri, max_size=most_bytes, logger=QUIET),
        ping_interval=None,
        close_timeout=CLOSE_SECONDS,
        max_queue=(MOST_WAITING, FEWEST_WAITING),
    )


def _headers(headers: list[Header]) -> Headers:
    """Those of the handshake itself are the library's, which unpacks no refusal."""
    return Headers(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name not in (b"host", b"accept-encoding") and not name.startswith(_OWN_HANDSHAKE)
    )


def _refused(error: InvalidStatus, group: PoolGroup) -> UpgradeRefused | UpstreamFailed:
    """No refusal is what answers as if nothing had been asked for, or sends elsewhere: the key
    does not follow.
    """
    response = error.response
    if response.status_code < LOWEST_ERROR:
        return UpstreamFailed(
            f"{group.url.host} answers the handshake with {response.status_code}; no WebSockets"
            " are served there."
        )
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers.raw_items()
    ]
    return UpgradeRefused(response.status_code, headers, bytes(response.body))
