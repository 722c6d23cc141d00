"""What `::` listens on: every address, those of IPv4 too."""

import socket

import pytest

from proxyapp.process import listener
from tests.support.ports import free_port


def test_a_client_of_ipv4_is_served_too() -> None:
    port = free_port()
    with listener.bind("::", port) as bound:
        bound.listen()
        socket.create_connection(("127.0.0.1", port), 5).close()


def test_a_machine_without_ipv6_listens_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_has_ipv6", lambda: False)

    with listener.bind("::", free_port()) as bound:
        assert bound.getsockname()[0] == "0.0.0.0"
