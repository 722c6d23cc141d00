"""What the benchmark needs: nginx and wrk from Debian, the peers from PyPI and npm.

The peers have directories of their own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import nginx
from bench.contestants import PEERS
from bench.peers import LITELLM, PORTKEY, TENSORZERO
from bench.report import brief

APT_SECONDS = 240
PEER_SECONDS = 240
HERE = Path(__file__).parent


class InstallFailed(Exception):
    """The text says what is missing and what to do."""


def tools(say: Callable[[str], None]) -> None:
    """nginx and wrk. Raises InstallFailed where one of them cannot be had."""
    needed = [
        name
        for name, path in (("nginx", nginx.find()), ("wrk", shutil.which("wrk")))
        if path is None
    ]
    if needed:
        say(f"Installing {' and '.join(needed)} with apt …")
        _apt(needed)


def _npm(say: Callable[[str], None]) -> None:
    """Without it only Portkey cannot be measured."""
    if shutil.which("npm") is None:
        say("Installing npm with apt …")
        try:
            _apt(["npm"])
        except InstallFailed as error:
            say(str(error))


def _apt(packages: Sequence[str]) -> None:
    by_hand = f"Install it yourself and run this again: apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise InstallFailed(f"{' and '.join(packages)} missing, and there is no apt-get. {by_hand}")
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and (
        shutil.which("sudo") is None or subprocess.run([*as_root, "true"], check=False).returncode
    ):
        raise InstallFailed(
            f"{' and '.join(packages)} missing, and neither root nor sudo without a password."
            f" {by_hand}"
        )
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    try:
        _run([*apt, "update"], APT_SECONDS)
        _run([*apt, "install", "-y", "--no-install-recommends", *packages], APT_SECONDS)
    except InstallFailed as error:
        raise InstallFailed(f"apt failed: {error}. {by_hand}") from error


def peers(say: Callable[[str], None]) -> Mapping[str, str]:
    """Why a peer is not there, by its name; empty when all are."""
    PEERS.mkdir(exist_ok=True)
    _npm(say)
    say("Installing LiteLLM, Portkey and TensorZero under .bench/, unless they are there …")
    missing: dict[str, str] = {}
    with ThreadPoolExecutor() as threads:
        installs = {
            "LiteLLM": threads.submit(environment, LITELLM, HERE / "requirements-litellm.txt"),
            "Portkey": threads.submit(_portkey),
            "TensorZero": threads.submit(
                environment, TENSORZERO, HERE / "requirements-tensorzero.txt"
            ),
        }
        for name, install in installs.items():
            try:
                install.result()
            except (InstallFailed, OSError) as error:
                missing[name] = f"not installed: {brief(error)}"
                say(f"{name}: {missing[name]}")
    return missing


def environment(home: Path, requirements: Path) -> None:
    """A virtualenv with these requirements, unless it is there. Raises InstallFailed."""
    if _is_installed(home, requirements):
        return
    _run([sys.executable, "-m", "venv", "--clear", str(home)], PEER_SECONDS)
    pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "install", "--quiet", "-r", str(requirements)], PEER_SECONDS)
    _remember(home, requirements)


def _portkey() -> None:
    requirements, home = HERE / "requirements-portkey.txt", PEERS / "portkey"
    if _is_installed(home, requirements) and PORTKEY.is_dir():
        return
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise InstallFailed("npm is missing")
    wanted = [
        line for line in requirements.read_text().split("\n") if line and not line.startswith("#")
    ]
    npm = ["npm", "--prefix", str(home), "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    _run([*npm, *wanted], PEER_SECONDS)
    _remember(home, requirements)


def _is_installed(home: Path, requirements: Path) -> bool:
    stamp = home / ".installed"
    return stamp.is_file() and stamp.read_text() == requirements.read_text()


def _remember(home: Path, requirements: Path) -> None:
    (home / ".installed").write_text(requirements.read_text())


def _run(command: Sequence[str], seconds: float) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallFailed(f"{Path(command[0]).name} took longer than {seconds:g} s") from error
    if done.returncode:
        raise InstallFailed(
            (done.stderr or done.stdout).strip()
            or f"{command[0]} ended with code {done.returncode}"
        )
