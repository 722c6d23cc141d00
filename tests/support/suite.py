"""Runs pytest in parallel; the few tests that failed then run once more, one after the other.

The tests are about time, and share a machine with each other and with whatever else it does: what
fails only in the crowd is told, with all that pytest said of it, and does not fail the suite. What
fails alone, too, does.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PROCESSES = "4"
MOST_AGAIN = 10
SOME_FAILED = 1  # pytest's exit code


def failed_tests(cache: Path) -> list[str]:
    """Their names, as pytest noted them in its cache."""
    noted = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(noted.read_text())) if noted.exists() else []


def run(arguments: Sequence[str], cache: Path) -> int:
    command = [sys.executable, "-m", "pytest", "--override-ini", f"cache_dir={cache}", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


def main(arguments: Sequence[str]) -> int:
    """pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="gateway-suite-") as directory:
        cache = Path(directory)
        code = run(["-n", PROCESSES, "--dist", "loadfile", *arguments], cache)
        failed = failed_tests(cache)
        if code != SOME_FAILED or not 1 <= len(failed) <= MOST_AGAIN:
            return code
        print(f"Failed among others, and run again alone: {', '.join(failed)}", flush=True)
        return run(["--last-failed", "--last-failed-no-failures", "none", *arguments], cache)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
