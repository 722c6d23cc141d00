"""Transports that are closed after the test, and a look at what was left open."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from proxyapp.upstream.transport import Transport
from tests.support.certificates import client_context
from tests.support.transports import MakeTransport


@pytest.fixture
def no_sockets_left() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.fixture
async def make_transport() -> AsyncIterator[MakeTransport]:
    made = []

    def make(**options: Any) -> Transport:
        defaults = {
            "proxy_url": None,
            "connect_timeout": 5,
            "read_timeout": 5,
            "keepalive_seconds": 60,
        }
        made.append(Transport(**{**defaults, "ssl_context": client_context(), **options}))
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
def transport(make_transport: MakeTransport) -> Transport:
    return make_transport()
