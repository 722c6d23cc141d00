"""The rooms of `proxyapp`: their order, their sentences, and which modules import which."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BELOW_RUNTIME = (
    "metrics ledger upstream resources access quota costs requests pool database provider models "
    "vocabulary"
)
# The order: a room may import what it names, and what stands in it. From the lowest up.
MAY_IMPORT = {
    room: frozenset(below.split())
    for room, below in {
        "vocabulary": "",
        "database": "vocabulary",
        "server": "vocabulary",
        "models": "vocabulary",
        "provider": "vocabulary",
        "requests": "provider vocabulary",
        "costs": "models provider vocabulary",
        "pool": "database models provider vocabulary",
        "quota": "pool database models provider vocabulary",
        "access": "pool database models provider vocabulary",
        "upstream": "pool models provider vocabulary",
        "resources": "access pool database models provider vocabulary",
        "ledger": "resources access costs requests pool database models provider vocabulary",
        "metrics": BELOW_RUNTIME.replace("metrics ", ""),
        "config": "access quota costs pool models vocabulary",
        "runtime": BELOW_RUNTIME,
        "forwarding": f"runtime {BELOW_RUNTIME}",
        "live_api": f"forwarding runtime {BELOW_RUNTIME}",
        "operators": f"runtime {BELOW_RUNTIME}",
        "alerts": f"operators runtime {BELOW_RUNTIME}",
        "peers": f"operators config runtime {BELOW_RUNTIME}",
        "management_api": f"alerts operators config runtime {BELOW_RUNTIME}",
        "admin": f"peers alerts operators config runtime {BELOW_RUNTIME}",
        "process": "alerts operators config runtime metrics server access pool models database "
        "vocabulary",
        "management": "process peers alerts operators config ledger upstream access costs pool "
        "models vocabulary",
        "migrations": "models",
        "apps": "",
    }.items()
}
FILES = frozenset({"runtime", "apps"})
# Django makes the files of this one.
ROOMS = [room for room in MAY_IMPORT if room not in FILES | {"migrations"}]


def sentence(room: str) -> str:
    """What is in the room: the docstring of its package."""
    tree = ast.parse((ROOT / "proxyapp" / room / "__init__.py").read_text())
    return ast.get_docstring(tree) or ""


def modules(*folders: str) -> Iterator[tuple[str, Path]]:
    """Dotted names and files."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path, known: set[str]) -> set[str]:
    """The modules of the project that a file imports, wherever in it and for whatever."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in inner}
    return found & known


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""
