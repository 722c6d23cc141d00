"""Checkouts of the gateway, known by `manage.py serve` and HTTP alone: this one and others.

All run under this interpreter and its packages, wherever their modules lie.
"""

import shutil
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench import contestants
from bench.contestants import Contestant
from bench.process import CONTESTANT_CORES

EXTENSIONS = ("*.so", "*.pyd")
NO_PART_OF_IT = (".*", "__pycache__", "var", "tests", "build", "docs", "node_modules")


@dataclass(frozen=True)
class Checkout:
    """`home` keeps its database, so that only the first start has to make one."""

    root: Path
    home: Path

    def started(
        self,
        server: str,
        upstream: str,
        keys: int = 10,
        cores: Collection[int] | None = CONTESTANT_CORES,
    ) -> AbstractContextManager[Contestant]:
        self.home.mkdir(exist_ok=True)
        config = {"groups": [contestants.group(upstream, keys)]}
        return contestants.gateway(server, config, cores=cores, checkout=self.root, home=self.home)


def is_compiled(root: Path) -> bool:
    """Whether hot modules were compiled in place."""
    return any(next((root / "proxyapp").rglob(each), None) for each in EXTENSIONS)


def pure_copy(root: Path, target: Path) -> Path:
    """The same code without what was compiled, somewhere else."""
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(*NO_PART_OF_IT, *EXTENSIONS))
    return target
