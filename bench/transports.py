"""(f) Which transport to speak to upstreams with: the candidates side by side.

They have an environment of their own.
"""

import subprocess
import sys
from pathlib import Path
from statistics import median

from bench import install, nginx
from bench.contestants import PEERS
from bench.report import BenchTarget, Section, at_least, brief, table

HERE = Path(__file__).parent
HOME = PEERS / "transports"
TIMEOUT_SECONDS = 60
NAMES = {
    "ours": "the gateway's transport, called directly",
    "ours-client": "the same under httpx's client",
    "httpx": "httpx as it comes",
    "httpx-alone": "httpx's transport, called directly",
    "httpx2": "httpx2 as it comes",
    "aiohttp": "httpx with httpx-aiohttp's transport",
    "aiohttp-alone": "httpx-aiohttp's transport, called directly",
    "pyreqwest": "httpx with pyreqwest's transport",
    "pyreqwest-alone": "pyreqwest's transport, called directly",
}
Figures = dict[str, list[tuple[float, float]]]


def run(seconds_budget: float) -> Section:
    """Three rounds, the candidates in turn.

    Raises InstallFailed when the environment cannot be made.
    """
    install.environment(HOME, HERE / "requirements-transports.txt")
    seconds = max(0.5, seconds_budget / len(NAMES) / 3 - 1.2)
    figures: Figures = {name: [] for name in NAMES}
    failed: dict[str, str] = {}
    with nginx.upstream() as upstream:
        for _ in range(3):
            for name in figures:
                try:
                    figures[name].append(
                        probe(name, f"{upstream}/v1beta/openai/chat/completions", seconds)
                    )
                except (subprocess.SubprocessError, ValueError) as error:
                    failed[name] = brief(error)
    return Section("(f) Transports", lines(figures, failed, seconds), targets(figures))


def probe(name: str, url: str, seconds: float) -> tuple[float, float]:
    command = [
        str(HOME / "bin" / "python"),
        "-m",
        "bench.transport_probe",
        name,
        url,
        f"{seconds:.2f}",
    ]
    done = subprocess.run(
        command,
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    cpu, rate = done.stdout.split()
    return float(cpu), float(rate)


def lines(figures: Figures, failed: dict[str, str], seconds: float) -> list[str]:
    head = ["small POSTs, 32 in flight, uvloop", "CPU µs a request", "requests/s"]
    rows = [
        [
            NAMES[name],
            f"{median(cpu for cpu, _ in found):.0f}",
            f"{median(rate for _, rate in found):,.0f}",
        ]
        for name, found in figures.items()
        if found
    ]
    said = [f"- {NAMES[name]}: not measured: {why}" for name, why in failed.items()]
    return [
        f"Medians of 3 rounds of {seconds:.1f} s, the candidates in turn.",
        "",
        *table(head, rows),
        "",
        *said,
    ]


def targets(figures: Figures) -> list[BenchTarget]:
    """The choice has to be the cheapest."""
    cpu = {name: median(value for value, _ in found) for name, found in figures.items() if found}
    others = [value for name, value in cpu.items() if not name.startswith("ours")]
    if "ours" not in cpu or not others:
        return []
    return [at_least("CPU of the cheapest other transport / ours", 1, min(others) / cpu["ours"])]


if __name__ == "__main__":
    print(run(float(sys.argv[1])).markdown())
