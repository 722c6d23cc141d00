"""RESULTS.md: what ran where, the targets, the sections of all scenarios and the notes."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import nginx, peer_binaries
from bench.checkouts import is_compiled
from bench.contestants import ROOT
from bench.peers import LITELLM, PORTKEY, TENSORZERO
from bench.process import CORES
from bench.report import Section, table, targets_table

HERE = Path(__file__).parent
OWN_PARTS = ("Django", "daphne", "uvicorn", "uvloop", "httptools", "httpx")
ASK_SECONDS = 20


def markdown(
    sections: Sequence[Section], command: str, facts: Mapping[str, str], *, has_notes: bool = True
) -> str:
    lines = ["# Results", "", f"Written by `{command}`; `README.md` says how to read it.", ""]
    lines += [*table(["", ""], [[name, fact] for name, fact in facts.items()]), ""]
    if targets := [target for each in sections for target in each.targets]:
        lines += ["## Targets", "", *targets_table(targets), ""]
    if any(section.title.startswith("(a)") for section in sections):
        lines += ["![Requests a second at 32 connections](results.svg)", ""]
    lines += [section.markdown() for section in sections]
    return "\n".join([*lines, *(_notes() if has_notes else ())])


def _notes() -> Iterator[str]:
    """Written by people: what stands between a figure and its target."""
    path = HERE / "notes.md"
    if path.is_file():
        yield from ["## Notes", "", path.read_text().rstrip(), ""]


def facts(load_before: float) -> dict[str, str]:
    """Of the machine and of everything that was measured.

    To be asked before the run: the load is a part of it.
    """
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": (
            f"{len(CORES)} cores of {_processor()}, {platform.system()} {platform.release()}"
        ),
        "load average before": f"{load_before:.2f}",
        "gateway": f"{_commit()}, {'compiled' if is_compiled(ROOT) else 'pure'}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "the gateway's and the stock path's parts": ", ".join(
            f"{part} {version(part)}" for part in OWN_PARTS
        ),
        "LiteLLM": _said([str(LITELLM / "bin" / "python"), "-c", VERSION, "litellm"]),
        "Portkey": f"{_portkey()} on Node {_said(['node', '--version'])}",
        "TensorZero": _said([str(TENSORZERO / "bin" / "python"), "-c", VERSION, "tensorzero"]),
        "other peers": ", ".join(peer_binaries.found()) or "none",
        "nginx, wrk": f"{_said([nginx.find() or 'nginx', '-v'])}, {_said(['wrk', '-v'])}",
    }


VERSION = """
import sys, platform, importlib.metadata as found
print(found.version(sys.argv[1]), "on Python", platform.python_version())
"""


def _processor() -> str:
    with open("/proc/cpuinfo") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    commit = _said(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"])
    changed = _said(
        ["git", "-C", str(ROOT), "status", "--porcelain", "--", "proxyapp", "gateway", "manage.py"]
    )
    return commit if changed == "?" else f"{commit} with changes"


def _portkey() -> str:
    try:
        return str(json.loads((PORTKEY / "package.json").read_text())["version"])
    except OSError:
        return "?"


def _said(command: Sequence[str]) -> str:
    """The first line, `?` where there is none."""
    try:
        done = subprocess.run(
            command,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].removeprefix("nginx version: ").partition(" Copyright")[0] if lines else "?"
