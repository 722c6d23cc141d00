"""What a process is called among those that share limits: its machine, and its number there."""

import os
import platform
from contextlib import suppress
from pathlib import Path

LONGEST = 200  # the column's
RUNNING_KERNEL = Path("/proc/sys/kernel/random/boot_id")


def own_name() -> str:
    """Containers of one host name have numbers of their own, which their name space tells apart;
    machines of one host name, as clones have, begin to number their spaces alike.
    """
    kernel = space = ""
    with suppress(OSError):
        kernel = RUNNING_KERNEL.read_text().strip()
        space = os.readlink("/proc/self/ns/pid")
    return f"{platform.node()[: LONGEST // 2]} {kernel} {space} {os.getpid()}"


def is_running(name: str) -> bool:
    """Of a process of this machine."""
    number = name.rpartition(" ")[2]
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except OSError:
        return True  # somebody else's
    return True
