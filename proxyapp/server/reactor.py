"""uvloop under Daphne's reactor."""

import sys
from importlib.util import find_spec
from typing import Any


def install() -> None:
    """Before anything imports daphne.server, which installs a reactor on asyncio's own loop unless
    there is one.

    Twisted's TLS is left out: this server speaks plain HTTP, and a process takes 4 MB less so.
    """
    sys.modules.setdefault("OpenSSL", None)  # type: ignore[arg-type]  # how Python marks it
    if find_spec("uvloop") is None:
        return
    import uvloop
    from twisted.internet import asyncioreactor

    install_reactor: Any = asyncioreactor.install
    install_reactor(uvloop.new_event_loop())
