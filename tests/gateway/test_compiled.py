"""An extension counts while it is what its sources say; any other one is passed over."""

import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import compiled
from gateway.compiled import LIBRARY, MARK, SUFFIX, changed, digest_of
from setup import hot_modules, imported_by, made_from
from tests.support.rooms import ROOT

RING = "proxyapp/pool/ring.py"
LOADED = "import proxyapp.pool.ring as ring; from gateway import compiled; print(ring.__file__)"
SAYS = f"{LOADED}; print(compiled.told())"
IS_COMPILED = not compiled.why_pure


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Its sources, and an extension of no use: importing it is an error."""
    nothing = shutil.ignore_patterns("*.so", "*.json", "__pycache__", "static")
    for package in ("gateway", "proxyapp"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=nothing)
    extension(tmp_path, RING).write_bytes(b"no extension")
    return tmp_path


def extension(root: Path, source: str) -> Path:
    return (root / source).with_suffix(SUFFIX)


def mark(root: Path, *sources: str) -> None:
    digests = {source: digest_of(root / source) for source in sources}
    (root / MARK).write_text(json.dumps({"modules": [RING], "sources": digests}))


def imported(root: Path, **env: str) -> tuple[str, str]:
    """The file of a hot module, and what a start says."""
    done = subprocess.run(
        [sys.executable, "-c", SAYS],
        cwd=root,
        env={"PATH": os.defpath, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    file, said = done.stdout.splitlines()
    return Path(file).name, said


def test_without_a_mark_no_extension_is_imported(checkout: Path) -> None:
    """Such as a build that was broken off leaves them."""
    file, said = imported(checkout)

    assert file == "ring.py"
    assert "make compile" in said


def test_a_source_that_has_changed_runs_and_the_remedy_is_told(checkout: Path) -> None:
    mark(checkout, RING)
    with (checkout / RING).open("a") as source:
        source.write("NEW = True\n")

    assert imported(checkout) == (
        "ring.py",
        f"warning: it runs as pure Python, as {RING} has changed since it was compiled:"
        " run `make compile`, then restart.",
    )


def test_a_source_that_is_gone_makes_the_others_run(checkout: Path) -> None:
    mark(checkout, RING, "proxyapp/pool/queue.py")
    (checkout / "proxyapp/pool/queue.py").unlink()

    assert imported(checkout)[1].startswith(
        "warning: it runs as pure Python, as proxyapp/pool/queue.py is gone: run `make compile`"
    )


def test_what_a_module_imports_counts_as_well(checkout: Path) -> None:
    """The compiler takes constants over."""
    assert "proxyapp/pool/cooldowns.py" in made_from([RING])
    assert "proxyapp/pool/cooldowns.py" in set(imported_by(RING))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"sources": 3}', "\xff"])
def test_a_mark_that_says_nothing_counts_as_none(checkout: Path, text: str) -> None:
    (checkout / MARK).write_bytes(text.encode("latin-1"))

    file, said = imported(checkout)

    assert (file, "make compile" in said) == ("ring.py", True)


def test_extensions_that_do_not_load_are_passed_over(checkout: Path) -> None:
    mark(checkout, RING)
    extension(checkout, f"{LIBRARY}.py").write_bytes(b"of another machine")

    file, said = imported(checkout)

    assert file == "ring.py"
    assert said.startswith("warning: it runs as pure Python, as what was compiled does not load")


def test_a_python_that_it_was_not_compiled_for_runs_the_sources(checkout: Path) -> None:
    extension(checkout, RING).rename((checkout / RING).with_suffix(".cpython-27-vax.so"))

    assert imported(checkout)[0] == "ring.py"


@pytest.mark.parametrize("asked", ["1", "true", " Yes "])
def test_sources_run_when_they_are_asked_for(checkout: Path, asked: str) -> None:
    mark(checkout, RING)

    assert imported(checkout, GATEWAY_PURE=asked) == (
        "ring.py",
        "Code:  pure Python, as GATEWAY_PURE asks for it",
    )


def test_a_wish_that_is_none_is_one_line(checkout: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        imported(checkout, GATEWAY_PURE="maybe")

    assert failed.value.stderr == "Bad setting: GATEWAY_PURE='maybe' is neither true nor false.\n"


def test_every_module_of_the_list_is_there_once() -> None:
    files = hot_modules()

    assert len(files) > 30
    assert sorted(set(files)) == sorted(files)
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_no_coroutine_is_compiled() -> None:
    """mypyc 2.4 ended one with the cancellation of another one."""
    words = re.compile(r"\basync def|\bawait |__await__")

    assert [file for file in hot_modules() if words.search((ROOT / file).read_text())] == []


@pytest.mark.skipif(not IS_COMPILED, reason="it runs as pure Python")
def test_all_of_the_list_runs_compiled() -> None:
    modules = [file.removesuffix(".py").replace("/", ".") for file in hot_modules()]
    files = {name: str(importlib.import_module(name).__file__) for name in modules}

    assert [name for name, file in files.items() if not file.endswith(SUFFIX)] == []
    assert changed(ROOT) == ""


def classes(file: str) -> set[tuple[str, str, str]]:
    """Each base of each class: the class, the base's module ("": this one) and its name."""
    tree = ast.parse((ROOT / file).read_text())
    imported = {
        alias.asname or alias.name: (f"{node.module}".replace(".", "/") + ".py", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {
        (node.name, *imported.get(ast.unparse(base), (file, ast.unparse(base))))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }


def open_classes(file: str) -> set[str]:
    """Those that say that classes of Python may be made from them."""
    return {
        node.name
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.ClassDef)
        and "mypyc_attr(allow_interpreted_subclasses=True)" in map(ast.unparse, node.decorator_list)
    }


def test_a_class_that_stays_python_inherits_from_a_compiled_one_only_where_that_allows_it() -> None:
    """It could not be made."""
    compiled_files = set(hot_modules())
    others = {str(path.relative_to(ROOT)) for path in (ROOT / "proxyapp").rglob("*.py")}

    assert [
        f"{file}: {name}({base})"
        for file in sorted(others - compiled_files)
        for name, place, base in classes(file)
        if place in compiled_files and base not in open_classes(place)
    ] == []
    assert open_classes("proxyapp/server/plain_exchange.py") == {"PlainExchange"}
    inherits = ("MeasuringCounter", "proxyapp/provider/llm_tokens.py", "LlmTokenCounter")
    assert inherits in classes("proxyapp/provider/llm_token_estimate.py")
