"""Twisted's sockets in asyncio's words: whatever the gateway knows of Twisted's insides.

The names in camel case are those that Twisted looks up.
"""

import asyncio
import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from proxyapp.server.connection import ClientConnection
from proxyapp.server.library_check import require, require_in_code
from proxyapp.server.tls import TlsTransport

LIBRARY = "Twisted"


def check_twisted(reactor: Any) -> None:
    """Raises LibraryMismatch."""
    require(LIBRARY, reactor, "_asyncioEventloop")
    require_in_code(LIBRARY, tcp.Port.doRead, "numberAccepts", "transport")
    protocol: Any = Protocol()
    with socket.socket() as unconnected:
        require(
            LIBRARY,
            tcp.Connection(unconnected, protocol, reactor),
            "_tempDataBuffer",
            "_tempDataLen",
            "connected",
            "dataBuffer",
            "doRead",
            "offset",
            "protocol",
            "writeSomeData",
        )


def event_loop(reactor: Any) -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
    return loop


def listen(reactor: Any, listener: socket.socket, factory: "Factory[Any]") -> Any:
    """Returns Twisted's port."""
    port = reactor.adoptStreamPort(listener.fileno(), listener.family, factory)
    port.transport = ClientSocket
    return port


def stop_listening(port: Any, backlog: int) -> None:
    port.numberAccepts = backlog
    port.doRead()  # What the kernel has accepted for us would be reset.
    port.stopListening()


class ClientSocket(tcp.Server):
    """When a reset arrives together with data, uvloop calls the reader once and then never again.

    The data is read, and the reset would be noticed only when the connection's time is up.
    """

    def doRead(self) -> Any:  # noqa: N802
        why = super().doRead()
        if (
            why is None
            and self.connected
            and self.getHandle().getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        ):
            return CONNECTION_LOST
        return why


class TwistedTransport:
    """asyncio's transport over one of Twisted's, which waits for its producer before it closes."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def write(self, data: bytes) -> None:
        """Sends at once what the socket takes: that spares two turns of the loop for nearly every
        response.
        """
        raw = self._raw
        if not raw.dataBuffer and not raw._tempDataBuffer:
            sent = raw.writeSomeData(data)
            if sent == len(data):
                return
            if isinstance(sent, int):
                data = data[sent:]
        raw.write(data)

    def write_eof(self) -> None:
        self._raw.unregisterProducer()
        self._raw.loseWriteConnection()

    def close(self) -> None:
        self._raw.unregisterProducer()
        self._raw.loseConnection()

    def abort(self) -> None:
        self._raw.abortConnection()

    def pause_reading(self) -> None:
        self._raw.pauseProducing()

    def resume_reading(self) -> None:
        self._raw.resumeProducing()

    def get_extra_info(self, name: str) -> Any:
        if name == "socket":
            return self._raw.getHandle()
        address = self._raw.getPeer() if name == "peername" else self._raw.getHost()
        return address.host, address.port

    def addresses(self) -> tuple[Any, Any]:
        """Twisted's ways to ask for the client's and for its own."""
        return self._raw.getPeer, self._raw.getHost

    def set_protocol(self, protocol: Any) -> None:
        """Begins anew with a protocol of Twisted's."""
        self._raw.unregisterProducer()
        self._raw.protocol = protocol
        protocol.makeConnection(self._raw)

    def get_write_buffer_size(self) -> int:
        raw = self._raw
        size: int = len(raw.dataBuffer) - raw.offset + raw._tempDataLen
        return size


def begin(protocol: Any, transport: Any) -> None:
    transport.setTcpNoDelay(True)
    transport.registerProducer(protocol, True)
    protocol.connection_made(TwistedTransport(transport))


class TwistedConnection(ClientConnection, Protocol):
    transport: Any  # what Twisted says of it is not what it is here

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        begin(self, transport)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        self.connection_lost(None)

    def stopProducing(self) -> None:  # noqa: N802
        """The transport says so while it closes; connectionLost follows."""

    # The same call, without another one around it.
    dataReceived = ClientConnection.data_received  # noqa: N815
    pauseProducing = ClientConnection.pause_writing  # noqa: N815
    resumeProducing = ClientConnection.resume_writing  # noqa: N815


class TwistedTls(TlsTransport, Protocol):
    """TLS on one of Twisted's sockets."""

    transport: Any

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        begin(self, transport)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        self.connection_lost(None)

    def stopProducing(self) -> None:  # noqa: N802
        """As for a TwistedConnection."""

    def set_protocol(self, protocol: Any) -> None:
        """Begins anew with a protocol of Twisted's."""
        socket = TlsSocket(self, protocol)
        super().set_protocol(socket)
        protocol.makeConnection(socket)

    dataReceived = TlsTransport.data_received  # noqa: N815
    pauseProducing = TlsTransport.pause_writing  # noqa: N815
    resumeProducing = TlsTransport.resume_writing  # noqa: N815


class TlsSocket:
    """One of Twisted's transports over TLS, to a protocol of Twisted's that registers no
    producer.
    """

    def __init__(self, tls: TwistedTls, protocol: Any) -> None:
        self._tls = tls
        self._protocol = protocol
        self.write = tls.write
        self.loseConnection = tls.close
        self.abortConnection = tls.abort
        self.pauseProducing = tls.pause_reading
        self.resumeProducing = tls.resume_reading
        self.get_write_buffer_size = tls.get_write_buffer_size
        self.getPeer, self.getHost = tls.raw.addresses()
        self.data_received = protocol.dataReceived

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802
        """It has been set."""

    def connection_lost(self, error: Exception | None) -> None:
        done: Any = Failure
        self._protocol.connectionLost(done(CONNECTION_DONE))

    def pause_writing(self) -> None:
        """Who writes looks how much waits (`get_write_buffer_size`)."""

    def resume_writing(self) -> None:
        """As above."""
