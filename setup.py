"""Compiles the hot modules with mypyc, for which there has to be a C compiler.

`make compile` puts the extensions beside their sources, `make wheel GATEWAY_COMPILED=1` into the
wheel, which is pure Python otherwise.
"""

import ast
import json
import os
import shutil
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))  # where a wheel is built, it is not there

from gateway.compiled import LIBRARY, MARK, SUFFIX, changed, digest_of  # noqa: E402
from gateway.setting import TRUTH  # noqa: E402

ASKS = "GATEWAY_COMPILED"  # in the environment: of a wheel
OPTIMISED = "2"
NO_COMPILER = 2  # the exit code; what fails otherwise has others
# What is installed here beside the gateway changes nothing of what is made.
CHECKS = ["--config-file=", "--no-site-packages", "--ignore-missing-imports"]
QUIET = ["--follow-imports=silent"]  # what is not compiled is `make lint`'s to judge


def hot_modules() -> list[str]:
    """Their files, of the one list that there is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = project["tool"]["compiled"]
    return [f"proxyapp/{room}/{name}.py" for room, names in rooms.items() for name in names]


def missing() -> str:
    """What a compilation lacks here, and where it comes from."""
    compilers = [(sysconfig.get_config_var("CC") or "cc").split()[0], "cc", "gcc", "clang"]
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if any(map(shutil.which, compilers)) and headers.exists():
        return ""
    return (
        f"To compile it takes a C compiler and {headers}. On Debian and Ubuntu:"
        " apt install gcc python3-dev."
    )


def made_from(files: list[str]) -> dict[str, str]:
    """The digests of the files and of all of the project that they import."""
    known: dict[str, str] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file not in known:
            known[file] = digest_of(ROOT / file)
            waiting += imported_by(file)
    return dict(sorted(known.items()))


def imported_by(file: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for path in (f"{name.replace('.', '/')}.py" for name in names):
            if path.startswith(("proxyapp/", "gateway/")) and (ROOT / path).exists():
                yield path


def wants_compiled() -> bool:
    said = os.environ.get(ASKS, "").strip().lower() or "false"
    if said not in TRUTH:
        sys.exit(f"{ASKS}={said!r} is neither true nor false.")
    return TRUTH[said]


def is_made(files: list[str]) -> bool:
    """Whether what is there is what would be made again."""
    mark = ROOT / MARK
    return not changed(ROOT) and json.loads(mark.read_bytes())["modules"] == files


class BuildPackages(build_py):
    """With what stands beside the packages in a checkout (`gateway/places.py`)."""

    def run(self) -> None:
        super().run()
        place = Path(self.build_lib, "gateway", "shipped")
        if (ROOT / "templates").is_dir() and not self.editable_mode:
            shutil.copytree(ROOT / "templates", place / "templates", dirs_exist_ok=True)
            shutil.copyfile(ROOT / "config.example.yaml", place / "config.example.yaml")


class BuildExtensions(build_ext):
    """The mark comes last, so that no half of a build ever counts. Its digests were taken first:
    a source that changes meanwhile is not what is compiled.
    """

    mark = ""

    def run(self) -> None:
        self.force = True
        place = ROOT if self.inplace else Path(self.build_lib)
        if self.inplace:
            self.remove_older()
        super().run()
        if self.extensions:
            (place / MARK).write_text(self.mark)

    def remove_older(self) -> None:
        (ROOT / MARK).unlink(missing_ok=True)
        library = ROOT / f"{LIBRARY}{SUFFIX}"
        for extension in (library, *(ROOT / "proxyapp").rglob(f"*{SUFFIX}")):
            extension.unlink(missing_ok=True)

    def build_extensions(self) -> None:
        """With all processors: an extension is one compiler a file."""
        compile_all = self.compiler.compile

        def compile_each(sources: list[str], **options: Any) -> list[str]:
            one = partial(compile_all, **options)
            with ThreadPoolExecutor(self.parallel or None) as pool:
                return [made for done in pool.map(one, [[s] for s in sources]) for made in done]

        self.compiler.compile = compile_each
        super().build_extensions()


def extensions(files: list[str]) -> list[Extension]:
    from mypyc.build import mypycify

    made: list[Extension] = mypycify(
        [*CHECKS, *QUIET, *files],
        opt_level=OPTIMISED,
        debug_level="0",
        multi_file=True,
        group_name=LIBRARY.removesuffix("__mypyc"),
    )
    return made


def main() -> None:
    files = hot_modules()
    is_in_place = "--inplace" in sys.argv
    if is_in_place and is_made(files):
        print(f"The {len(files)} hot modules are compiled already.")
        return
    compiles = is_in_place or wants_compiled()
    if compiles and (lack := missing()):
        print(lack, file=sys.stderr)
        sys.exit(NO_COMPILER)
    if compiles:
        BuildExtensions.mark = json.dumps({"modules": files, "sources": made_from(files)}, indent=1)
    setup(
        ext_modules=extensions(files) if compiles else [],
        cmdclass={"build_ext": BuildExtensions, "build_py": BuildPackages},
    )


if __name__ == "__main__":
    main()
