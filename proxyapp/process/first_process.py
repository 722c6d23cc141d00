"""What a container's first process has to do itself: the kernel gives it no signal that it has not
asked for, so that SIGTERM would not end a start, and all processes that lost their parents.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType

FIRST = 1
# What this process started itself is waited for long before, by who wants to know how it ended.
LOOK_SECONDS = 30.0


def heed_termination() -> None:
    """Until the server has its own way to stop."""
    if os.getpid() == FIRST:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def reap_orphans() -> None:
    """Those of `docker exec`, say: what ended, and nobody has waited for since the last look."""
    if os.getpid() == FIRST:
        threading.Thread(target=_reap, name="orphans", daemon=True).start()


def _reap() -> None:
    pause = threading.Event()
    before: set[int] = set()
    while not pause.wait(LOOK_SECONDS):
        now = _ended_children()
        for each in now & before:
            with suppress(ChildProcessError):
                os.waitpid(each, os.WNOHANG)
        before = now


def _ended_children() -> set[int]:
    own = os.getpid()
    return {
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _is_ended(path, own)
    }


def _is_ended(path: Path, parent: int) -> bool:
    try:
        state, its_parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
    except OSError:  # it is gone
        return False
    return state == "Z" and int(its_parent) == parent
