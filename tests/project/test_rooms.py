"""The rooms of `proxyapp`: each module has one, and imports go down only.

`MAY_IMPORT` is the order: a room may import what it names, and what stands in it. `gateway` and
`bench` stand outside.
"""

import ast
import graphlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BELOW_RUNTIME = "ledger upstream access pool database provider models vocabulary"
MAY_IMPORT = {
    room: frozenset(below.split())
    for room, below in {
        "vocabulary": "",
        "database": "vocabulary",
        "server": "vocabulary",
        "models": "vocabulary",
        "provider": "vocabulary",
        "pool": "database models provider vocabulary",
        "access": "pool database models provider vocabulary",
        "upstream": "pool models provider vocabulary",
        "ledger": "access pool database models provider vocabulary",
        "config": "access pool models vocabulary",
        "runtime": BELOW_RUNTIME,
        "forwarding": f"runtime {BELOW_RUNTIME}",
        "operators": f"runtime {BELOW_RUNTIME}",
        "admin": f"operators config runtime {BELOW_RUNTIME}",
        "process": "operators config runtime server access pool models vocabulary",
        "management": "process operators config ledger upstream access pool models vocabulary",
        "migrations": "models",
        "apps": "",
    }.items()
}
BESIDE_THE_ROOMS = {"__init__.py", "apps.py", "runtime.py"}


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


def against_the_order(graph: dict[str, set[str]]) -> list[str]:
    return [
        f"{module} imports {imported}"
        for module, found in graph.items()
        for imported in sorted(found)
        if room_of(module)
        and room_of(imported) != room_of(module)
        and room_of(imported) not in MAY_IMPORT[room_of(module)]
    ]


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = dict(modules("proxyapp"))
    return {module: imports(path, set(known)) - {module} for module, path in known.items()}


def test_the_order_itself_goes_one_way_only():
    order = list(graphlib.TopologicalSorter(MAY_IMPORT).static_order())

    assert order.index("vocabulary") < order.index("pool") < order.index("runtime")
    assert order.index("runtime") < order.index("process")


def test_every_module_has_its_room():
    folders = {path.name for path in (ROOT / "proxyapp").iterdir() if path.is_dir()}
    beside = {path.name for path in (ROOT / "proxyapp").glob("*.py")}

    assert folders - {"static", "__pycache__"} == MAY_IMPORT.keys() - {"runtime", "apps"}
    assert beside == BESIDE_THE_ROOMS


def test_no_import_goes_against_the_order(graph):
    assert len(graph) > 200
    assert against_the_order(graph) == []


def test_an_import_against_the_order_would_be_found():
    graph = {"proxyapp.pool.store": {"proxyapp.upstream.headers", "proxyapp.models.pool"}}

    assert against_the_order(graph) == ["proxyapp.pool.store imports proxyapp.upstream.headers"]


def test_no_modules_import_each_other_in_a_circle(graph):
    """Packages are left out: they import what is in them, to register it with Django."""
    packages = {module for module in graph if (ROOT / module.replace(".", "/")).is_dir()}
    files = {module: found - packages for module, found in graph.items() if module not in packages}

    assert list(graphlib.TopologicalSorter(files).static_order()) != []


def test_bench_has_no_circle_either():
    known = dict(modules("bench"))
    graph = {name: imports(path, set(known)) - {name, "bench"} for name, path in known.items()}

    assert list(graphlib.TopologicalSorter(graph).static_order()) != []


def test_pure_rooms_import_no_orm():
    """What a refusal means and which key is next can be asked without Django's models."""
    pure = ("provider", "vocabulary")
    orm = ("django.db", "proxyapp.models")
    names = defaultdict(list)
    for room in pure:
        for _, path in modules(f"proxyapp/{room}"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(orm):
                    names[str(path)].append(node.module)

    assert names == {}


def test_no_test_imports_from_another_test():
    known = dict(modules("tests"))
    graph = {name: imports(path, set(known)) for name, path in known.items()}

    assert [
        f"{name} imports {imported}"
        for name, found in graph.items()
        for imported in found
        if imported.rpartition(".")[2].startswith("test_")
    ] == []
