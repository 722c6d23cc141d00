"""A wheel of the gateway, where there is no C compiler: its code is Python and can be imported."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.gateway import ROOT

pytestmark = pytest.mark.once

COPIED = ("gateway", "proxyapp", "setup.py", "pyproject.toml")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.so", "*.so.json")
LOOK = "import gateway.compiled as c, proxyapp.pool.ring as r; print(c.why_pure, r.__file__)"


def test_without_a_compiler_a_wheel_has_the_sources(tmp_path: Path) -> None:
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
    assert (installed / "proxyapp/quota/tiers.yaml").is_file()
    assert (installed / "proxyapp/costs/prices.yaml").is_file()
    assert (installed / "gateway/locale/zh_Hans/LC_MESSAGES/django.mo").is_file()
    looked = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert looked.stdout == f"it is not compiled {installed}/proxyapp/pool/ring.py\n"
