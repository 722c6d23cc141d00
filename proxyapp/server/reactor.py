"""uvloop under Daphne's reactor."""

from importlib.util import find_spec
from typing import Any


def install() -> None:
    """Before anything imports daphne.server, which installs a reactor on asyncio's own loop unless
    there is one.
    """
    if find_spec("uvloop") is None:
        return
    import uvloop
    from twisted.internet import asyncioreactor

    install_reactor: Any = asyncioreactor.install
    install_reactor(uvloop.new_event_loop())
