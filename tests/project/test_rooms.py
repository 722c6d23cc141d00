"""Each module of `proxyapp` has its room, and imports go down only."""

import ast
import graphlib
from collections import defaultdict

import pytest

from tests.support.rooms import FILES, MAY_IMPORT, ROOMS, ROOT, imports, modules, room_of, sentence

pytestmark = pytest.mark.once

BESIDE_THE_ROOMS = {"__init__.py", *(f"{name}.py" for name in FILES)}
PARTS_OF_ADMIN = sorted(
    path.parent.name for path in (ROOT / "proxyapp" / "admin").glob("*/__init__.py")
)
READ_BY_DJANGO = {"admin", "models"}


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

    assert folders - {"static", "__pycache__"} == MAY_IMPORT.keys() - FILES
    assert beside == BESIDE_THE_ROOMS


@pytest.mark.parametrize("room", [*ROOMS, *(f"admin/{part}" for part in PARTS_OF_ADMIN)])
def test_each_room_says_in_one_sentence_what_is_in_it(room):
    said = sentence(room)

    assert said[:1].isupper()
    assert (said.count("\n"), said[-1:], ". " in said) == (0, ".", False)


@pytest.mark.parametrize("room", ROOMS)
def test_a_package_holds_its_sentence_and_nothing_else(room):
    """Django reads what `admin` and `models` register; the others have nothing to run."""
    statements = len(ast.parse((ROOT / "proxyapp" / room / "__init__.py").read_text()).body)

    assert (statements > 1) == (room in READ_BY_DJANGO)


def test_no_import_goes_against_the_order(graph):
    assert len(graph) > 200
    assert against_the_order(graph) == []


def test_an_import_against_the_order_would_be_found():
    graph = {"proxyapp.pool.store": {"proxyapp.upstream.headers", "proxyapp.models.group"}}

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


def test_no_two_classes_have_one_name():
    """Django looks for `Command`, `Meta` and `Migration` by name."""
    places = defaultdict(set)
    for module, path in modules("proxyapp", "gateway", "bench"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name not in {"Command", "Migration"}:
                places[node.name].add(module)

    assert {name: found for name, found in places.items() if len(found) > 1} == {}
