"""Wheels of the gateway: what is in them, and that one is installed and serves."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from gateway.compiled import LIBRARY, MARK, SUFFIX
from setup import missing
from tests.support.gateway import ROOT, migrated_template
from tests.support.ports import free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

COPIED = (
    *("gateway", "proxyapp", "templates", "setup.py", "MANIFEST.in", "pyproject.toml"),
    *("README.md", "LICENSE", "requirements.in", "config.example.yaml"),
)
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.so", "*.so.json")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
UV = [sys.executable, "-m", "uv"]
BUILD = [*UV, "build", "--offline", "--no-build-isolation", "--python", sys.executable]
# In mypyc's place, which `make compile` has: its library alone, in a moment.
QUICK_COMPILER = '''
from pathlib import Path
from setuptools import Extension

def mypycify(arguments, *, group_name, **options):
    name = f"{group_name}__mypyc"
    Path("quick.c").write_text(f"""
        #include <Python.h>
        static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{name}", NULL, -1, NULL}};
        PyMODINIT_FUNC PyInit_{name}(void) {{ return PyModule_Create(&module); }}
    """)
    return [Extension(name, ["quick.c"])]
'''
LOOK = (
    "import proxyapp, gateway.compiled as c, proxyapp_compiled__mypyc as m"
    "; print(m.__file__, c.told())"
)


def called(*command: str, cwd: Path, **environment: str) -> str:
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd.parent), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, errors = process.communicate(timeout=120)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it has called, too
        process.wait(10)
    assert process.returncode == 0, errors
    return said


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with a source distribution, and the wheel that was made from that, in a
    checkout that was compiled, where there is no compiler.
    """
    source = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=NOT_COPIED)
        else:
            shutil.copyfile(ROOT / name, source / name)
    (source / "proxyapp/pool/ring.py").with_suffix(SUFFIX).touch()
    (source / MARK).touch()
    called(*BUILD, ".", cwd=source, PATH="/nowhere")
    return source / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def packed(wheel: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel) as content:
        yield content


@pytest.fixture(scope="module")
def command(wheel: Path) -> Path:
    """`gemini-gateway`, installed where nothing was.

    What it requires is that of these tests.
    """
    venv = wheel.with_name("venv")
    called(
        *UV, "venv", "--offline", "--quiet", "--python", sys.executable, str(venv), cwd=venv.parent
    )
    called(
        *(*UV, "pip", "install", "--offline", "--no-deps", "--link-mode", "copy"),
        *("--python", str(venv / "bin/python"), str(wheel)),
        cwd=venv.parent,
    )
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib"))
    return venv / "bin/gemini-gateway"


def test_a_wheel_is_pure_python_also_where_a_checkout_was_compiled(
    wheel: Path, packed: zipfile.ZipFile
) -> None:
    assert wheel.name == f"gemini_key_gateway-{VERSION}-py3-none-any.whl"
    assert [name for name in packed.namelist() if ".so" in name] == []


def test_a_wheel_has_all_that_is_no_code(packed: zipfile.ZipFile) -> None:
    names = set(packed.namelist())
    assert {
        "proxyapp/quota/tiers.yaml",
        "proxyapp/costs/prices.yaml",
        "gateway/locale/zh_Hans/LC_MESSAGES/django.mo",
    } <= names
    for there, here in {
        "gateway/shipped/templates": "templates",
        "proxyapp/static": "proxyapp/static",
    }.items():
        files = [path for path in (ROOT / here).rglob("*") if path.is_file()]
        assert {f"{there}/{path.relative_to(ROOT / here)}" for path in files} <= names


def test_a_wheel_names_its_command_and_what_it_requires(packed: zipfile.ZipFile) -> None:
    (information,) = {name.split("/")[0] for name in packed.namelist() if ".dist-info/" in name}
    required = (ROOT / "requirements.in").read_text().split("\n")

    assert (
        "gemini-gateway = gateway.command_line:run"
        in packed.read(f"{information}/entry_points.txt").decode().splitlines()
    )
    metadata = packed.read(f"{information}/METADATA").decode()
    assert metadata.count("Requires-Dist: ") == len(
        [line for line in required if line and not line.startswith("#")]
    )


@contextmanager
def serving(command: Path, place: Path, **environment: str) -> Iterator[str]:
    """Its URL; it has to end with 0. What it says is in `output` beside `place`."""
    port = free_port()
    with (place.parent / "output").open("wb") as output:
        process = subprocess.Popen(
            [command, "serve", "--port", str(port)],
            cwd=place.parent,
            env={"PATH": "/usr/bin:/bin", "GATEWAY_HOME": str(place), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: "admin/" in said(place) or process.poll() is not None, 60)
        assert process.poll() is None, said(place)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        assert process.wait(45) == 0
    finally:
        process.kill()
        process.wait(10)


def said(place: Path) -> str:
    return (place.parent / "output").read_text()


def test_its_command_makes_a_place_and_serves_it_from_any_directory(
    command: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    assert called(str(command), "--version", cwd=tmp_path) == f"{VERSION}\n"

    told = called(str(command), "init", "place", cwd=tmp_path)

    assert f"GATEWAY_HOME={place} gemini-gateway serve" in told
    (place / "var").mkdir(0o700)
    database = shutil.copyfile(migrated_template(has_user=True), place / "var/db.sqlite3")
    with serving(command, place) as url:
        assert f"{place}/config.yaml: warning: group 'default-gemini': placeholders" in said(place)
        assert re.search(
            r"^Code:  pure Python\. .*: docs/START\.md, As a package\.$", said(place), re.M
        )
        page = httpx.get(f"{url}/admin/login/")
        assert page.status_code == 200
        (style, *_) = re.findall(r'"(/static/[^"]*\.css)"', page.text)
        assert httpx.get(f"{url}{style}").status_code == 200
    listed = called(str(command), "tokens", "list", cwd=tmp_path, GATEWAY_HOME=str(place))
    assert listed == "There is no token yet. Make one with `gemini-gateway tokens create NAME`.\n"
    assert database.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "place"]
    assert {path.name for path in place.iterdir()} == {".env", "config.yaml", "var"}


@pytest.mark.skipif(bool(missing()), reason="there is no C compiler")
def test_a_wheel_that_is_asked_for_compiled_is_one_for_this_python_and_machine(
    built: Path, tmp_path: Path
) -> None:
    (archive,) = built.glob("*.tar.gz")
    called("tar", "-xf", str(archive), cwd=tmp_path)
    source = tmp_path / archive.name.removesuffix(".tar.gz")
    (source / "mypyc").mkdir()
    (source / "mypyc/__init__.py").touch()
    (source / "mypyc/build.py").write_text(QUICK_COMPILER)

    called(*BUILD, "--wheel", ".", cwd=source, GATEWAY_COMPILED="1")

    (made,) = (source / "dist").glob("*.whl")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = re.sub(r"\W", "_", sysconfig.get_platform())
    assert made.name == f"gemini_key_gateway-{VERSION}-{python}-{python}-{platform}.whl"
    place = tmp_path / "unpacked"
    zipfile.ZipFile(made).extractall(place)
    looked = called(sys.executable, "-c", LOOK, cwd=tmp_path, PYTHONPATH=str(place))
    assert looked == f"{place}/{LIBRARY}{SUFFIX} Code:  compiled\n"


@pytest.mark.parametrize(
    ("asked", "code", "problem"),
    [
        ("maybe", 1, "GATEWAY_COMPILED='maybe' is neither true nor false.\n"),
        ("1", 2, "To compile it takes a C compiler"),
    ],
)
def test_no_wheel_is_made_of_a_wish_that_cannot_be_met(asked: str, code: int, problem: str) -> None:
    made = subprocess.run(
        [sys.executable, "setup.py", "bdist_wheel"],
        cwd=ROOT,
        env={"PATH": "/nowhere", "GATEWAY_COMPILED": asked},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (made.returncode, made.stdout) == (code, "")
    assert made.stderr.startswith(problem)
