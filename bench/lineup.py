"""Who takes part in (a), by the name in the tables."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from bench import checkouts, contestants, peer_binaries, peers
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
FEW = (DIRECT, NGINX, SOCKETS, UVICORN, UVICORN + PURE, DAPHNE, TENSORZERO, PORTKEY)
"""Of a quick run, and each binary that is found."""

Starter = Callable[[], AbstractContextManager[Contestant]]


def lineup(upstream: str) -> dict[str, Starter]:
    """The pure gateways are there only where this checkout is compiled."""
    config = {"groups": [contestants.group(upstream)]}

    def gateway(server: str, env: Mapping[str, str] | None = None) -> Starter:
        return lambda: contestants.gateway(server, config, env=env, cores=CONTESTANT_CORES)

    starters: dict[str, Starter] = {
        NGINX: lambda: peers.nginx_proxy(upstream),
        SOCKETS: lambda: peers.two_sockets(upstream),
        UVICORN: gateway("uvicorn"),
        DAPHNE: gateway("daphne"),
    }
    if checkouts.is_compiled(ROOT):
        starters |= {
            UVICORN + PURE: gateway("uvicorn", checkouts.PURE),
            DAPHNE + PURE: gateway("daphne", checkouts.PURE),
        }
    starters |= peer_binaries.starters(upstream)
    return starters | {
        UVICORN + UNPINNED: lambda: contestants.gateway("uvicorn", config),
        UVICORN + TWO: lambda: contestants.gateway("uvicorn", config, workers=2),
        DAPHNE + UNPINNED: lambda: contestants.gateway("daphne", config),
        DAPHNE + TWO: lambda: contestants.gateway("daphne", config, workers=2),
        TENSORZERO: lambda: peers.tensorzero(upstream),
        LITELLM: lambda: peers.litellm(upstream),
        PORTKEY: lambda: peers.portkey(upstream),
        STOCK: lambda: peers.stock(upstream),
    }
