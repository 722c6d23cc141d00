"""What something costs in CPU time of the thread that does it."""

import time
from collections.abc import Callable


def milliseconds_of(work: Callable[[], object], tries: int = 5) -> float:
    """The least of some tries: what else the machine does only adds to it."""
    costs = []
    for _ in range(tries):
        before = time.thread_time()
        work()
        costs.append(time.thread_time() - before)
    return min(costs) * 1000
