"""A library whose insides have changed ends the start with one line that says so."""

import ast
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from proxyapp.server.library_check import LibraryMismatch, require, require_in_code
from tests.support.gateway import ROOT, Gateway

ADAPTERS = {"twisted_adapter.py", "daphne_adapter.py"}
PRIVATE = (
    "_asyncioEventloop",
    "_raw_query_string",
    "_tempData",
    "dataBuffer",
    "numberAccepts",
    "port.transport",
    "writeSomeData",
)


class Owner:
    there = 1

    def __init__(self) -> None:
        self.also = 2

    def work(self) -> int:
        return self.also


def test_what_is_there_is_fine():
    require("pytest", Owner, "there", "work")
    require("pytest", Owner(), "also")
    require_in_code("pytest", Owner.work, "also")


def test_what_is_missing_is_named_with_the_version_and_the_remedy():
    with pytest.raises(LibraryMismatch) as missing:
        require("pytest", Owner, "there", "gone")

    assert str(missing.value) == (
        f"pytest {pytest.__version__} lacks gone in Owner:"
        " install the version that requirements.txt pins."
    )


def test_what_the_library_no_longer_reads_is_missing():
    with pytest.raises(LibraryMismatch, match=r"lacks there in Owner\.work:"):
        require_in_code("pytest", Owner.work, "there")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    idle = Gateway(None)
    yield idle
    idle.close()


WITHOUT_A_CLASS_ATTRIBUTE = """
from twisted.internet.abstract import FileDescriptor
del FileDescriptor.offset
"""
WITHOUT_AN_OBJECTS_ATTRIBUTE = """
from twisted.internet.abstract import FileDescriptor
set_up = FileDescriptor.__init__
def set_up_otherwise(self, reactor=None):
    set_up(self, reactor)
    self.newBuffer = self.__dict__.pop("_tempDataBuffer")
FileDescriptor.__init__ = set_up_otherwise
"""
WITH_ANOTHER_PORT = """
from twisted.internet.tcp import Port
Port.doRead = lambda self: self.accept(self.newTransport, self.numberAccepts)
"""
WITH_ANOTHER_HANDSHAKE = """
from proxyapp.server import reactor
reactor.install()
reactor.install = lambda: None
import daphne.server
from daphne.ws_protocol import WebSocketProtocol
WebSocketProtocol.onConnect = lambda self, request: self.accept(request.query)
"""
WITH_ANOTHER_STATE = """
from uvicorn.server import ServerState
set_up = ServerState.__init__
def set_up_otherwise(self):
    set_up(self)
    self.openConnections = self.__dict__.pop("connections")
ServerState.__init__ = set_up_otherwise
"""


@pytest.mark.parametrize(
    ("server", "change", "fault"),
    [
        ("daphne", WITHOUT_A_CLASS_ATTRIBUTE, "Twisted {} lacks offset in Connection"),
        ("daphne", WITHOUT_AN_OBJECTS_ATTRIBUTE, "Twisted {} lacks _tempDataBuffer in Connection"),
        ("daphne", WITH_ANOTHER_PORT, "Twisted {} lacks transport in <lambda>"),
        ("daphne", WITH_ANOTHER_HANDSHAKE, "Daphne {} lacks _raw_query_string in <lambda>"),
        ("uvicorn", WITH_ANOTHER_STATE, "uvicorn {} lacks connections in ServerState"),
    ],
)
def test_a_start_ends_in_one_line(gateway: Gateway, server: str, change: str, fault: str):
    serve = f"call_command('serve', server={server!r}, port='{gateway.port}')"
    program = f"{change}\nfrom django.core.management import call_command\n{serve}"

    done = gateway.manage("shell", "-v0", "-c", program)

    expected = fault.format(version(fault.partition(" ")[0]))
    assert done.returncode == 1
    assert done.stderr == f"{expected}: install the version that requirements.txt pins.\n"


@pytest.mark.parametrize("name", PRIVATE)
def test_what_is_private_to_a_library_is_known_in_its_adapter_only(name: str):
    knowing = {path.name for path in (ROOT / "proxyapp").rglob("*.py") if name in path.read_text()}

    assert knowing
    assert knowing <= ADAPTERS


@pytest.mark.parametrize("module", ["connection", "paced_connection", "exchange", "http_server"])
def test_a_connection_knows_neither_server(module: str):
    tree = ast.parse((ROOT / "proxyapp/server" / f"{module}.py").read_text())

    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }

    assert imported & {"asyncio", "proxyapp"}
    assert not imported & {"twisted", "daphne", "autobahn", "uvicorn", "uvloop"}
