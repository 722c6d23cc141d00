"""What it costs to import and export many keys with labels: time and memory of each command.

`python -m bench.config_file [KEYS]`, on a fresh SQLite database; on DATABASE_URL if that is set,
which has to be an empty one.
"""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEYS = 100_000


def config_lines(count: int) -> Iterator[str]:
    yield "groups:\n- name: many\n  api_keys:\n"
    for number in range(count):
        yield f"  - key: AIzaSy{secrets.token_hex(16)}{number % 10}\n"
        yield f"    name: laptop of person {number}\n    project: project-{number // 2}\n"


def measured(environment: Mapping[str, str], *arguments: str) -> tuple[float, float]:
    """Seconds, and MiB at the highest. Raises CalledProcessError."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else KEYS
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        database = os.environ.get("DATABASE_URL") or f"sqlite:///{place / 'db.sqlite3'}"
        environment = os.environ | {"VAR_DIR": str(place / "var"), "DATABASE_URL": database}
        written, exported = place / "config.yaml", place / "export.yaml"
        written.write_text("".join(config_lines(count)))
        measured(environment, "migrate", "--verbosity", "0")
        steps = {
            "import, all new": ("import_config", str(written)),
            "export": ("export_config", str(exported)),
            "import of the export, nothing new": ("import_config", str(exported)),
        }
        for name, arguments in steps.items():
            seconds, peak = measured(environment, *arguments)
            print(f"{name}: {seconds:.1f} s, {peak:.0f} MiB at the highest", flush=True)
        print(f"{count} keys, {exported.stat().st_size / 1024**2:.1f} MiB as a file")


if __name__ == "__main__":
    main()
