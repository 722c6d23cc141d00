"""What is installed is pinned with hashes, asked for, and accounted for."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.support import vulnerabilities

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = [f"tests/clients/requirements{part}" for part in ("", "-pydantic-ai", "-aider")]
REQUIRED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    return {
        (normal(package), version)
        for package, version in REQUIRED.findall((ROOT / name).read_text())
    }


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize(
    "name", ["requirements", "requirements-dev", "requirements-compile", *CLIENTS]
)
def test_what_is_asked_for_is_locked(name: str):
    assert pins(f"{name}.in") <= pins(f"{name}.txt")


def test_what_is_asked_of_npm_is_locked_with_hashes_and_without_a_host():
    folder = ROOT / "tests" / "clients"
    asked = json.loads((folder / "package.json").read_text())["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    packages = {name: entry for name, entry in locked.items() if name}

    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


def test_tests_run_with_the_packages_that_users_get():
    assert pins("requirements.txt") <= pins("requirements-dev.txt")


def test_what_compiles_is_what_checks_types():
    compiler = pins("requirements-compile.txt")

    assert {name for name, _ in compiler - pins("requirements-dev.txt")} == {"setuptools"}
    assert pins("requirements-compile.in") & pins("requirements-dev.in") == {mypy_of_a_wheel()}


def mypy_of_a_wheel() -> tuple[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [line for line in project["build-system"]["requires"] if line.startswith("mypy")]
    name, version = REQUIRED.findall(wanted[0])[0]
    return name, version


@pytest.mark.parametrize(
    "name", ["requirements", "requirements-dev", "requirements-compile", *CLIENTS]
)
def test_everything_is_asked_for_by_an_exact_version(name: str):
    lines = [
        line
        for line in (ROOT / f"{name}.in").read_text().splitlines()
        if line and line[0] not in "#-"
    ]

    assert lines
    assert all(REQUIRED.match(line) for line in lines)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        *(("requirements.txt", 40), ("requirements-dev.txt", 40), ("requirements-compile.txt", 5)),
        *((f"{name}.txt", 20) for name in CLIENTS),
    ],
)
def test_every_locked_package_has_a_hash(name: str, least: int):
    entries = re.split(
        r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", (ROOT / name).read_text())
    )

    assert len(entries) == len(REQUIRED.findall((ROOT / name).read_text())) > least
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_dependency_has_its_reason():
    documented = {
        normal(name)
        for name in re.findall(r"^\| `([^`]+)`", (ROOT / "docs/DEPENDENCIES.md").read_text(), re.M)
    }

    assert documented == {
        package
        for name in ("requirements", "requirements-dev", "requirements-compile", *CLIENTS)
        for package, _ in pins(f"{name}.in")
    }


# Known vulnerabilities.

CLEAN = {"name": "django", "version": "5.2.19", "vulns": []}
VULNERABLE = {
    "name": "x",
    "version": "1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}],
}
UNKNOWN = {"name": "y", "skip_reason": "not found"}


def test_a_vulnerability_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(vulnerabilities, "ask", lambda _: {"dependencies": [CLEAN, VULNERABLE]})

    assert vulnerabilities.main("requirements.txt") == 1
    assert "x 1: PYSEC-1, fixed in 1.1" in capsys.readouterr().out


def test_what_could_not_be_looked_up_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(vulnerabilities, "ask", lambda _: {"dependencies": [CLEAN, UNKNOWN]})

    assert vulnerabilities.main("requirements.txt") == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 of 2 pinned packages were looked up: 0 known vulnerabilities.",
        "Not looked up: y.",
    ]


def test_without_an_answer_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(vulnerabilities, "ask", lambda _: None)

    assert vulnerabilities.main("requirements.txt") == 0
    assert "nothing is known" in capsys.readouterr().out
