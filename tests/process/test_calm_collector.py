"""What garbage in cycles costs: memory, until it is looked for."""

import subprocess
import sys

PROGRAM = """
import gc, weakref
loaded = [[] for _ in range(2_000_000)]
from proxyapp.process.calm_collector import calm_collector
calm_collector()
class Link: pass
link = Link()
link.itself = link
gone = weakref.ref(link)
gc.collect(1)
gc.collect(1)
del link
made = []
while gone() is not None and len(made) < 400_000:
    made += [[] for _ in range(10_000)]
print(len(made), gc.get_freeze_count() >= 2_000_000)
"""


def made_before_it_is_found() -> tuple[int, bool]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    made, is_frozen = done.stdout.split()
    return int(made), is_frozen == "True"


def test_what_was_loaded_at_the_start_does_not_put_off_the_look_for_garbage() -> None:
    made, is_frozen = made_before_it_is_found()
    assert made < 200_000
    assert is_frozen
