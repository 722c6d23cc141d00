"""The locks hold all that is needed, extras included, for every platform and Python promised.

Where a distribution is required with an extra (`twisted[tls]`) and pinned without it, pip looks for
the newest version of that name, and its hash mode refuses what no hash stands for: the set-up
breaks on the day of the next release. No network is asked here.
"""

import functools
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements.txt", "requirements-dev.txt"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PLATFORMS = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macOS": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
ENVIRONMENTS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
        **platform,
    }
    | {"platform_python_implementation": "CPython", "implementation_name": "cpython"}
    for python in PYTHONS
    for platform in PLATFORMS.values()
    for machine in ("x86_64", "arm64")
]


def locked(text: str) -> list[Requirement]:
    return [
        Requirement(line.rstrip(" \\"))
        for line in text.splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    ]


def held(lock: list[Requirement], environment: dict[str, str]) -> dict[str, Requirement]:
    return {
        canonicalize_name(pin.name): pin
        for pin in lock
        if pin.marker is None or pin.marker.evaluate(environment)
    }


@functools.cache
def needs(name: str) -> list[Requirement]:
    """What an installed distribution says that it needs, somewhere.

    Nothing if it is not installed here.
    """
    try:
        return [Requirement(line) for line in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return []


def required(pin: Requirement, environment: dict[str, str]) -> set[Requirement]:
    return {
        need
        for need in needs(pin.name)
        if need.marker is None
        or any(need.marker.evaluate(environment | {"extra": extra}) for extra in ("", *pin.extras))
    }


def is_held(need: Requirement, pins: dict[str, Requirement]) -> bool:
    pin = pins.get(canonicalize_name(need.name))
    return (
        pin is not None
        and {canonicalize_name(extra) for extra in need.extras}
        <= {canonicalize_name(extra) for extra in pin.extras}
        and all(need.specifier.contains(each.version, prereleases=True) for each in pin.specifier)
    )


def missing(text: str) -> set[str]:
    lock = locked(text)
    faults = set()
    for environment in ENVIRONMENTS:
        pins = held(lock, environment)
        faults |= {
            f"{pin.name} needs {need}"
            for pin in pins.values()
            for need in required(pin, environment)
            if not is_held(need, pins)
        }
    return faults


def test_a_package_names_the_pythons_that_are_promised():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [line for line in project["classifiers"] if "Python :: " in line]

    assert named == [f"Programming Language :: Python :: {python}" for python in PYTHONS]
    assert project["requires-python"] == f">={PYTHONS[0]}"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_everything_that_is_needed_with_its_extras(name: str):
    assert missing((ROOT / name).read_text()) == set()


@pytest.mark.parametrize("name", LOCKS)
def test_what_stands_in_a_lock_for_this_platform_is_installed_and_so_was_looked_at(name: str):
    here = held(locked((ROOT / name).read_text()), {})

    assert {pin: metadata.version(pin) for pin in here} == {
        name: next(iter(pin.specifier)).version for name, pin in here.items()
    }


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_without_extras_would_be_found(name: str):
    faults = missing(re.sub(r"(?m)^([a-z0-9-]+)\[[^]]*\]==", r"\1==", (ROOT / name).read_text()))

    assert any(fault.startswith("daphne needs twisted[tls]") for fault in faults)


def test_a_lock_that_lacks_what_another_platform_or_python_needs_would_be_found():
    text = (ROOT / "requirements-dev.txt").read_text()

    assert any(
        "colorama" in fault for fault in missing(re.sub(r"(?m)^colorama==", "other==", text))
    )
