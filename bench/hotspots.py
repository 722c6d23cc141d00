"""Where the gateway's time goes: py-spy over one process under load.

`python -m bench.hotspots SECONDS` prints it.
"""

import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from bench import install, load, nginx
from bench.contestants import gateway, group
from bench.process import CONTESTANT_CORES
from bench.report import Section, table
from bench.transports import HERE, HOME

SAMPLES_A_SECOND = 400
SHOWN = 10
IDLE = "_worker (concurrent/futures/thread.py"  # a thread that waits for work looks busy to py-spy
FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+):\d+\)")


def run(seconds_budget: float) -> Section:
    """Raises InstallFailed without py-spy, and CalledProcessError where it may not look."""
    install.environment(HOME, HERE / "requirements-transports.txt")
    seconds = max(2, int(seconds_budget) - 8)
    alone: Counter[str] = Counter()
    for stack, count in sampled(seconds).items():
        frame = stack.rpartition(";")[2]
        if not frame.startswith(IDLE):
            alone[shown(frame)] += count
    total = sum(alone.values())
    rows = [
        [f"`{function}`", f"{100 * count / total:.1f} %"]
        for function, count in alone.most_common(SHOWN)
    ]
    said = (
        f"uvicorn, one process, 32 connections, py-spy {SAMPLES_A_SECOND} times a second for"
        f" {seconds} s; own time."
    )
    return Section(
        "The ten most expensive functions", [said, "", *table(["function", "of all samples"], rows)]
    )


def sampled(seconds: int) -> Counter[str]:
    """How often each stack was seen, in py-spy's raw format."""
    with (
        nginx.upstream() as upstream,
        gateway(
            "uvicorn", {"groups": [group(upstream, auth="google")]}, cores=CONTESTANT_CORES
        ) as contestant,
        tempfile.TemporaryDirectory() as home,
    ):
        load.check(contestant)
        driver = threading.Thread(target=load.wrk, args=(contestant, 32, seconds + 2))
        driver.start()
        stacks = Path(home) / "stacks"
        command = [
            str(HOME / "bin" / "py-spy"),
            "record",
            "--pid",
            str(contestant.pid),
            "--format",
            "raw",
        ]
        command += [
            "--duration",
            str(seconds),
            "--rate",
            str(SAMPLES_A_SECOND),
            "--output",
            str(stacks),
        ]
        subprocess.run(command, capture_output=True, timeout=seconds + 30, check=True)
        driver.join()
        lines = [line.rpartition(" ") for line in stacks.read_text().splitlines()]
    return Counter({stack: int(count) for stack, _, count in lines})


def shown(frame: str) -> str:
    """Function and file, without the line and the machine's directories."""
    found = FRAME.fullmatch(frame)
    return f"{found['function']} ({'/'.join(found['file'].split('/')[-2:])})" if found else frame


if __name__ == "__main__":
    print(run(float(sys.argv[1])).markdown())
