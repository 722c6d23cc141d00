"""Processor instructions a request in this checkout, or in another one (before) and this one.

They do not vary with the machine's load, as CPU time does: two runs differ by less than 1 %. It is
the gateway's own part of a request, from the client's bytes to its answer, without the sockets.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.checkouts import PURE, is_compiled
from bench.contestants import ROOT
from bench.report import table

REQUESTS = 1600
MOST_SECONDS = 600
COUNTED = re.compile(r"Collected : (\d+)")
NO_VALGRIND = "This takes valgrind. On Debian and Ubuntu: apt install valgrind."


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("other", type=Path, nargs="?", help="the checkout to compare with")
    parser.add_argument("--pure", action="store_true", help="without the compiled modules")
    given = parser.parse_args()
    if shutil.which("valgrind") is None:
        print(NO_VALGRIND, file=sys.stderr)
        return 1
    checkouts = [path.resolve() for path in (given.other, ROOT) if path is not None]
    counts = [instructions(path, is_pure=given.pure) for path in checkouts]
    print("\n".join(report(checkouts, counts, is_pure=given.pure)))
    return 0


def instructions(checkout: Path, *, is_pure: bool) -> int:
    """Of a request. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="instructions-") as home:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={home}/o",
             sys.executable, str(ROOT / "bench" / "in_process.py"), str(REQUESTS)],
            cwd=checkout,
            env=os.environ | {"PYTHONHASHSEED": "0"} | (PURE if is_pure else {}),
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )  # fmt: skip
    found = COUNTED.search(done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{checkout}: {done.stderr[-2000:]}")
    return int(found[1]) // REQUESTS


def report(checkouts: list[Path], counts: list[int], *, is_pure: bool) -> list[str]:
    """A line each; the ratio is to the first."""
    names = ["before", "after"][-len(counts) :]
    kinds = ["pure" if is_pure or not is_compiled(path) else "compiled" for path in checkouts]
    rows = [
        [f"{name}, {kind}", f"{count:,}", f"{count / counts[0]:.2f}"]
        for name, kind, count in zip(names, kinds, counts, strict=True)
    ]
    return table(["", "instructions a request", "ratio"], rows)


if __name__ == "__main__":
    sys.exit(main())
