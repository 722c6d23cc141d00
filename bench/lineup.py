"""Who takes part in (a), by the name in the tables."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench import contestants, peer_binaries, peers
from bench.checkouts import is_compiled, pure_copy
from bench.contestants import ROOT, Contestant
from bench.process import CONTESTANT_CORES

DIRECT = "direct"
NGINX = "nginx as a proxy"
SOCKETS = "two sockets of uvloop"
DAPHNE = "gateway, Daphne"
UVICORN = "gateway, uvicorn"
LITELLM = "LiteLLM"
PORTKEY = "Portkey"
TENSORZERO = "TensorZero"
STOCK = "stock Django and httpx"
PURE = ", pure"
UNPINNED = ", not pinned"
TWO = ", 2 processes, not pinned"
FEW = (DIRECT, NGINX, SOCKETS, UVICORN, UVICORN + PURE, DAPHNE, TENSORZERO, LITELLM, PORTKEY)
"""Of a quick run, and each binary that is found."""

Starter = Callable[[], AbstractContextManager[Contestant]]


@contextmanager
def lineup(upstream: str) -> Iterator[dict[str, Starter]]:
    """The pure gateways run the same code from a copy, and only where this checkout is compiled."""
    config = {"groups": [contestants.group(upstream)]}

    def gateway(server: str, checkout: Path = ROOT) -> Starter:
        return lambda: contestants.gateway(
            server, config, cores=CONTESTANT_CORES, checkout=checkout
        )

    with tempfile.TemporaryDirectory(prefix="bench-pure-") as home:
        starters: dict[str, Starter] = {
            NGINX: lambda: peers.nginx_proxy(upstream),
            SOCKETS: lambda: peers.two_sockets(upstream),
            UVICORN: gateway("uvicorn"),
            DAPHNE: gateway("daphne"),
        }
        if is_compiled(ROOT):
            copy = pure_copy(ROOT, Path(home) / "copy")
            starters |= {
                UVICORN + PURE: gateway("uvicorn", copy),
                DAPHNE + PURE: gateway("daphne", copy),
            }
        starters |= peer_binaries.starters(upstream)
        starters |= {
            UVICORN + UNPINNED: lambda: contestants.gateway("uvicorn", config),
            UVICORN + TWO: lambda: contestants.gateway("uvicorn", config, workers=2),
            DAPHNE + UNPINNED: lambda: contestants.gateway("daphne", config),
            DAPHNE + TWO: lambda: contestants.gateway("daphne", config, workers=2),
            TENSORZERO: lambda: peers.tensorzero(upstream),
            LITELLM: lambda: peers.litellm(upstream),
            PORTKEY: lambda: peers.portkey(upstream),
            STOCK: lambda: peers.stock(upstream),
        }
        yield starters
