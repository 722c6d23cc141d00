"""What the threads of a process take memory from."""

import platform
import subprocess
import sys

import pytest

# Each thread takes what is too large for Python's own pool, while the others hold theirs.
PROGRAM = """
import ctypes, threading
from proxyapp.process.arenas import share_arenas
{call}
barrier = threading.Barrier(6)
def take():
    held = [bytes(2000) for _ in range(100)]
    barrier.wait()
threads = [threading.Thread(target=take) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ctypes.CDLL(None).malloc_stats()
"""


def arenas(call: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(call=call)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stderr.count("Arena ")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_share_one_arena_besides_the_main_threads() -> None:
    assert arenas("share_arenas()") <= 2 < arenas("")
