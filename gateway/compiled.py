"""Which code the hot modules run: what was compiled of them, or their sources.

Python prefers an extension to the source beside it, even to one that is newer. So the extensions
count only while every source that they were made from is the one that stands there.
"""

import functools
import hashlib
import importlib
import json
import sys
from collections.abc import Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path
from types import ModuleType

from gateway.places import IS_PACKAGE
from gateway.setting import TRUTH
from gateway.start_environment import GIVEN

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "proxyapp_compiled__mypyc"  # has the code of all; the other extensions point to it
SUFFIX = EXTENSION_SUFFIXES[0]  # of this Python
MARK = f"proxyapp/compiled{SUFFIX}.json"  # what they were made from
NOT_COMPILED = "it is not compiled"
ASKED_FOR = "GATEWAY_PURE asks for it"
REMEDY = f"{'install it anew' if IS_PACKAGE else 'run `make compile`'}, then restart"
ADVICE = (
    "a wheel can be compiled, too: docs/START.md, As a package"
    if IS_PACKAGE
    else "`make compile` does it once, with a C compiler"
)

why_pure = NOT_COMPILED  # empty: the extensions run


class SourcesOnly:
    """A finder that passes extensions over."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith("proxyapp."):
            return None
        found = (_sources_in(folder).find_spec(name) for folder in path or ())
        return next((spec for spec in found if spec and spec.loader), None)


def choose() -> None:
    """Once, before any module that may be compiled is imported."""
    global why_pure
    why_pure = _wanted_pure() or changed(ROOT) or _unloadable()
    if why_pure:
        sys.meta_path.insert(0, SourcesOnly)


def is_trouble() -> bool:
    """Whether there are extensions that cannot be used, though nobody forbade it."""
    return why_pure not in {"", NOT_COMPILED, ASKED_FOR}


def told() -> str:
    """What a start says of it, in one line."""
    if not why_pure:
        return "Code:  compiled"
    if is_trouble():
        return f"warning: it runs as pure Python, as {why_pure}: {REMEDY}."
    if why_pure == ASKED_FOR:
        return f"Code:  pure Python, as {ASKED_FOR}"
    return f"Code:  pure Python. Compiled it takes a tenth less CPU time: {ADVICE}."


def changed(root: Path) -> str:
    """Why what is compiled below `root` is not what its sources say; empty when it is."""
    try:
        made_from = json.loads((root / MARK).read_bytes())["sources"]
        for name, digest in made_from.items():
            if digest_of(root / name) != digest:
                return f"{name} has changed since it was compiled"
    except FileNotFoundError as missing:
        gone = Path(missing.filename)
        return NOT_COMPILED if gone == root / MARK else f"{gone.relative_to(root)} is gone"
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return f"{MARK} cannot be read ({error})"
    return ""


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _wanted_pure() -> str:
    said = GIVEN.get("GATEWAY_PURE", "").strip().lower() or "false"
    if said not in TRUTH:
        sys.exit(f"Bad setting: GATEWAY_PURE={said!r} is neither true nor false.")
    return ASKED_FOR if TRUTH[said] else ""


def _unloadable() -> str:
    try:
        importlib.import_module(LIBRARY)
    except ImportError as error:
        return f"what was compiled does not load ({error})"
    return ""


@functools.cache
def _sources_in(folder: str) -> FileFinder:
    return FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
