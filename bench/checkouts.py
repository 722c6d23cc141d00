"""Checkouts of the gateway, known by `manage.py serve` and HTTP alone: this one and others.

All run under this interpreter and its packages, wherever their modules lie.
"""

import functools
import subprocess
import sys
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench import contestants
from bench.contestants import Contestant
from bench.process import CONTESTANT_CORES

PURE = {"GATEWAY_PURE": "true"}
ASK = "from gateway import compiled; compiled.choose(); raise SystemExit(bool(compiled.why_pure))"


@dataclass(frozen=True)
class Checkout:
    """`home` keeps its database, so that only the first start has to make one."""

    root: Path
    home: Path
    is_pure: bool = False

    @property
    def kind(self) -> str:
        return "compiled" if is_compiled(self.root) and not self.is_pure else "pure"

    def started(
        self,
        server: str,
        upstream: str,
        keys: int = 10,
        cores: Collection[int] | None = CONTESTANT_CORES,
    ) -> AbstractContextManager[Contestant]:
        self.home.mkdir(exist_ok=True)
        return contestants.gateway(
            server,
            {"groups": [contestants.group(upstream, keys)]},
            env=PURE if self.is_pure else None,
            cores=cores,
            checkout=self.root,
            home=self.home,
        )


@functools.cache
def is_compiled(root: Path) -> bool:
    """What a checkout says of itself: what is older than its source does not run.

    One of a version that could not be compiled yet fails to say anything.
    """
    asked = subprocess.run(
        [sys.executable, "-c", ASK],
        env=contestants.environment(str(root)),
        cwd=root,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return asked.returncode == 0
