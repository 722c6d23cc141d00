"""Nothing of ours is on its way out of Python: the next one must not be a surprise."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.gateway import ROOT

pytestmark = pytest.mark.once

OURS = ("gateway", "proxyapp", "manage.py")
IMPORT_ALL = """
import importlib, pkgutil, sys, warnings
sys.path.insert(0, sys.argv[1])
def fail(message, category, filename, *rest):
    if filename.startswith((sys.argv[1] + "/gateway/", sys.argv[1] + "/proxyapp/")):
        raise SystemExit(f"{filename}: {category.__name__}: {message}")
warnings.simplefilter("always")
warnings.showwarning = fail
import django
django.setup()
for package in ("gateway", "proxyapp"):
    for module in pkgutil.walk_packages([sys.argv[1] + "/" + package], package + "."):
        importlib.import_module(module.name)
print(len([name for name in sys.modules if name.startswith(("gateway", "proxyapp"))]))
"""


def run(*arguments: str, var: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={
            "DJANGO_SETTINGS_MODULE": "gateway.settings",
            "ENV_FILE": "/dev/null",
            "VAR_DIR": str(var),
            "PYTHONPYCACHEPREFIX": str(var / "cache"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_file_compiles_without_a_warning(tmp_path: Path) -> None:
    done = run("-W", "error", "-m", "compileall", "-q", *OURS, var=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_module_is_imported_without_a_warning_of_ours(tmp_path: Path) -> None:
    done = run("-c", IMPORT_ALL, str(ROOT), var=tmp_path)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200
