"""Processes that pick keys from one database at the same time."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.support.shared_database import run


def picks_of(
    environment: Mapping[str, str], picks: int, *, processes: int, threads: int = 1
) -> list[tuple[int, int]]:
    """The slots and keys of all of them; `picks`: of each thread."""
    command = ("-m", "tests.support.pick_process", str(picks), str(threads))
    with ThreadPoolExecutor(processes) as pool:
        running = [pool.submit(run, dict(environment), *command) for _ in range(processes)]
    return [tuple(pair) for done in running for pair in json.loads(done.result())]
