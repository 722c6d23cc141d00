"""`make help` lists the commands, and the documents name no other ones."""

import re
import shlex
import subprocess
import sys
import tomllib

import pytest

from tests.support.rooms import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
# What other commands need first.
STEPS = {"help", "browser"}


def commands() -> set[str]:
    found = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert found
    return set(found[1].split()) - STEPS


def test_help_says_what_each_command_does() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", str(ROOT / "Makefile"), "help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    listed = re.findall(r"^make ([a-z-]+) +\w", done.stdout, re.MULTILINE)

    assert sorted(listed) == sorted(commands())


def test_the_run_on_postgresql_leaves_out_what_runs_once_and_what_make_test_never_runs() -> None:
    pytest_options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]
    by_itself = shlex.split(pytest_options["ini_options"]["addopts"])

    [on_postgresql] = [line for line in MAKEFILE.splitlines() if "tests.support.postgres" in line]
    runs = [line for line in MAKEFILE.splitlines() if "-m tests.support.suite $(ARGS)" in line]

    assert f"-m '{by_itself[by_itself.index('-m') + 1]} and not once'" in on_postgresql
    assert len(runs) == 1, "the run on SQLite leaves nothing out"


def test_what_is_compiled_of_the_tests_is_kept_for_the_next_process() -> None:
    kept = "import sys; print(sys.dont_write_bytecode)"
    [isolated] = [line for line in MAKEFILE.splitlines() if line.startswith("ENV_FILE=/dev/null")]
    variables = [part for part in isolated.split() if part.startswith("PYTHON")]

    done = subprocess.run(
        ["env", "PYTHONDONTWRITEBYTECODE=1", "env", *variables, sys.executable, "-c", kept],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "name",
    ["README.md", "CONTRIBUTING.md", "SECURITY.md", "bench/README.md", "docs/DEPENDENCIES.md"],
)
def test_a_document_names_no_command_that_is_gone(name: str) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE))

    assert named
    assert named - commands() == set()


def test_the_readme_begins_with_both_commands_and_the_pythons_that_do() -> None:
    start = (ROOT / "README.md").read_text().split("## Start", 1)[1].split("\n## ", 1)[0]

    assert "Python 3.11 to 3.14" in start
    assert re.findall(r"^make (\w+)", start, re.MULTILINE) == ["run", "test"]
