"""What systemd is told, by a real socket."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxyapp.process.service_manager import ServiceManager
from tests.support.gateway import ROOT, Gateway

SECONDS = 60
ALL = ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
WORKER = """
import socket, sys
link = socket.socket(fileno=int(sys.argv[2]))
link.send(b"r")
link.recv(1)
"""
SUPERVISOR = """
import sys
from proxyapp.process.sighup import Terminal, hold_hangups
from proxyapp.process.supervisor import Commands, Supervisor
hold_hangups()
worker = [sys.executable, "-S", "-c", sys.argv[1]]
commands = Commands(worker, [sys.executable, "-S", "-c", ""], {})
terminal = Terminal(matters=False)
sys.exit(Supervisor([[], []], list, commands, terminal, on_listening=lambda: None).run())
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Its end, which bears its name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(SECONDS)
        yield end


def heard(manager: socket.socket) -> str:
    """The first line; the second says when."""
    return manager.recv(1000).decode().partition("\n")[0]


def test_who_is_ready_says_what_comes_and_nothing_after_it_stops(manager: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": manager.getsockname()})

    for say in (service.is_reloading, service.has_reloaded, service.is_stopping):
        say()  # as a worker would
    service.is_ready()
    service.is_reloading()
    service.has_reloaded()
    service.is_stopping()
    service.has_reloaded()

    assert [heard(manager) for _ in range(4)] == ALL
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(1000)


def test_a_name_without_a_file_is_known() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("")  # the kernel gives one
        name = end.getsockname()
        ServiceManager({"NOTIFY_SOCKET": f"@{name[1:].decode()}"}).is_ready()

        assert end.recv(1000) == b"READY=1"


@pytest.mark.parametrize("name", ["", "/none/such", "vsock:2:1", f"/{'x' * 200}"])
def test_a_manager_that_is_not_there_stops_nobody(name: str) -> None:
    ServiceManager({"NOTIFY_SOCKET": name}).is_ready()


def gone_through(manager: socket.socket, process: "Gateway | subprocess.Popen[bytes]") -> list[str]:
    """What is heard of its start, of a SIGHUP and of a SIGTERM."""
    send = process.signal if isinstance(process, Gateway) else process.send_signal
    told = [heard(manager)]
    send(signal.SIGHUP)
    told += [heard(manager) for _ in range(2)]
    send(signal.SIGTERM)
    return [*told, heard(manager)]


@pytest.mark.once
def test_a_gateway_tells_of_its_start_its_reload_and_its_end(manager: socket.socket) -> None:
    env = {"NOTIFY_SOCKET": manager.getsockname()}
    with Gateway({"groups": []}, env=env) as gateway:
        assert gone_through(manager, gateway) == ALL
        assert gateway.output().index("Proxy: ") < gateway.output().index("was read again")
        assert gateway.wait() == 0


@pytest.mark.once
def test_a_supervisor_tells_in_the_place_of_its_workers(manager: socket.socket) -> None:
    env = {"NOTIFY_SOCKET": manager.getsockname()}
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, WORKER], cwd=ROOT, env=env
    ) as supervisor:
        assert gone_through(manager, supervisor) == ALL
        assert supervisor.wait(SECONDS) == 0
