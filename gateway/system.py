"""What a process asks of its system before it imports anything else."""

import importlib.util
import os
import sys

from gateway.start_environment import GIVEN

UNIX_ONLY = ("fcntl", "resource", "termios")


def refuse_foreign() -> None:
    """Ends the process where what the gateway stands on does not exist."""
    is_unix = sys.platform != "win32" and os.name == "posix"
    if is_unix and all(importlib.util.find_spec(name) for name in UNIX_ONLY):
        return
    sys.exit(
        "The gateway runs on Linux, on macOS or in a container, not with this Python of"
        f" {sys.platform}. On Windows use WSL (wsl --install, then the README's commands in its"
        " shell) or Docker."
    )


def leave_out_unused() -> None:
    """What libraries import if it is there, and the gateway does not use.

    httpx its command line, and with it rich and pygments; unfold the fields of PostgreSQL only, and
    with them psycopg on SQLite too, which is a tenth of a process's memory.
    """
    for name in ("httpx._main", "django.contrib.postgres.fields"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # how Python marks it


def speak_utf8() -> None:
    """Starts the program anew where names of files, arguments and settings could be ASCII only.

    Python does so by itself in the locales C and POSIX, unless it is told not to (PYTHONUTF8=0).
    What is written stays in the encoding that was chosen.
    """
    if sys.getfilesystemencoding() == "ascii":
        program = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(program[0], program, {"PYTHONIOENCODING": "ascii", **GIVEN})  # noqa: S606
