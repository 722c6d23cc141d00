"""What a text names of the project: files, folders and modules."""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.support.rooms import FILES, MAY_IMPORT, ROOT

TOP_FOLDERS = ("proxyapp", "gateway", "tests", "bench", "docs", "templates")
ROOM_FOLDERS = sorted(MAY_IMPORT.keys() - FILES)
FROM_THE_TOP = re.compile(rf"(?<![\w./<-])(?:{'|'.join(TOP_FOLDERS)})/[\w./*-]*")
FROM_A_ROOM = re.compile(rf"`((?:{'|'.join(ROOM_FOLDERS)})/[\w./*-]*)`")
FILE_NAME = re.compile(r"`(\w+\.(?:py|md|css|js|svg))`")
MODULE = re.compile(r"(?<![\w./@-])(?:proxyapp|gateway|tests|bench)(?:\.[a-z_]\w*)+(?!\w*/)")
# What is written like a module and is none: a permission of Django's, a host, an extension of ASGI,
# a name in the browser's storage.
NO_MODULE = re.compile(
    r"proxyapp\.(?:view|add|change|delete|import|export)_\w*"
    r"|gateway\.(?:example|target|abort|dashboard)\b.*"
)
# A package's name.
NO_FILE = frozenset({"proxy.py"})


def missing(text: str) -> list[str]:
    """Of what the text names, what is not there."""
    paths = [match.rstrip("./") for match in FROM_THE_TOP.findall(text)]
    gone = [path for path in paths if not _is_there(path)]
    gone += [
        path for path in FROM_A_ROOM.findall(text) if not _is_there(f"proxyapp/{path}".rstrip("/"))
    ]
    gone += [
        name for name in FILE_NAME.findall(text) if name not in NO_FILE and not _is_somewhere(name)
    ]
    names = [match for match in MODULE.findall(text) if not NO_MODULE.fullmatch(match)]
    return gone + [name for name in names if not _is_importable(name)]


def _is_there(path: str) -> bool:
    return any(ROOT.glob(path)) or any(ROOT.glob(f"proxyapp/static/{path}"))


def _is_somewhere(name: str) -> bool:
    return any(any((ROOT / folder).rglob(name)) for folder in TOP_FOLDERS) or _is_there(name)


def _is_importable(name: str) -> bool:
    """A module, or what stands in one: a name that the file knows."""
    parts = name.split(".")
    for length in range(len(parts), 1, -1):
        path = ROOT.joinpath(*parts[:length])
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if file.exists():
            rest = parts[length : length + 1]
            return not rest or re.search(rf"\b{rest[0]}\b", file.read_text()) is not None
    return False


def comments(path: Path) -> Iterator[str]:
    """The comments and docstrings of a Python file."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.string
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
