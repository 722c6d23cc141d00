"""A wheel of the gateway, where there is no C compiler: its code is Python and can be imported."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.gateway import ROOT

pytestmark = pytest.mark.once

COPIED = (
    *("gateway", "proxyapp", "templates", "setup.py", "pyproject.toml", "README.md"),
    *("requirements.in", "config.example.yaml"),
)
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.so", "*.so.json")
LOOK = "import gateway.compiled as c, proxyapp.pool.ring as r; print(c.why_pure, r.__file__)"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel has that was made where there is no compiler."""
    tmp_path = tmp_path_factory.mktemp("wheel")
    source, wheels, installed = tmp_path / "source", tmp_path / "wheels", tmp_path / "installed"
    source.mkdir()
    for name in COPIED:
        place = source / name
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place, ignore=NOT_COPIED)
        else:
            shutil.copyfile(ROOT / name, place)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-q"]

    made = subprocess.run(
        [*pip, "-w", str(wheels), "."],
        cwd=source,
        env={"PATH": "/nowhere", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert made.returncode == 0, made.stderr
    (wheel,) = wheels.iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    zipfile.ZipFile(wheel).extractall(installed)
    return installed


def run(installed: Path, cwd: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_a_compiler_a_wheel_has_the_sources(installed: Path, tmp_path: Path) -> None:
    looked = run(installed, tmp_path, "-c", LOOK)

    assert looked == f"it is not compiled {installed}/proxyapp/pool/ring.py\n"


def test_a_wheel_has_all_that_is_no_code(installed: Path) -> None:
    assert (installed / "proxyapp/quota/tiers.yaml").is_file()
    assert (installed / "proxyapp/costs/prices.yaml").is_file()
    assert (installed / "gateway/locale/zh_Hans/LC_MESSAGES/django.mo").is_file()
    for there, here in {
        "gateway/shipped/templates": "templates",
        "proxyapp/static": "proxyapp/static",
    }.items():
        files = [path for path in (ROOT / here).rglob("*") if path.is_file()]
        assert [
            path
            for path in files
            if not (installed / there / path.relative_to(ROOT / here)).is_file()
        ] == []


def test_a_wheel_names_its_command_and_what_it_requires(installed: Path) -> None:
    (information,) = installed.glob("*.dist-info")
    required = (ROOT / "requirements.in").read_text().split("\n")

    assert (
        "gemini-gateway = gateway.command_line:run"
        in (information / "entry_points.txt").read_text().splitlines()
    )
    metadata = (information / "METADATA").read_text()
    assert metadata.count("Requires-Dist: ") == len(
        [line for line in required if line and not line.startswith("#")]
    )


def test_its_command_makes_a_place_and_serves_it_from_any_directory(
    installed: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(installed, tmp_path, "-m", "gateway", "--version") == f"{version}\n"

    said = run(installed, tmp_path, "-m", "gateway", "init", "place")

    assert f"GATEWAY_HOME={place} gemini-gateway serve" in said
    home = {"GATEWAY_HOME": str(place)}
    started = run(installed, tmp_path, "-m", "gateway", "serve", "--prepare", **home)
    assert f"{place}/config.yaml: warning: group 'default-gemini': placeholders" in started
    page = "from django.template.loader import get_template as get; get('index.html')"
    run(installed, tmp_path, "-m", "gateway", "shell", "--no-imports", "-c", page, **home)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place"]
    assert {path.name for path in place.iterdir()} == {".env", "config.yaml", "var"}
