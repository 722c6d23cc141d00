"""A request is answered alike in both gears, and as it is by ASGI's messages.

The same random exchanges go through a gateway as it is and through one whose requests never run
without a task: clients and upstreams see the same bytes, and the books are the same.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.gear_exchanges import exchanges
from tests.support.gear_pair import gear_pair

COUNT = int(os.environ.get("GEAR_EXCHANGES", "110"))
SEED = int(os.environ.get("GEAR_SEED", "1"))


@pytest.mark.parametrize(
    ("server", "gear", "env"),
    [
        ("daphne", "task", {}),
        ("uvicorn", "task", {"ROTATION_LEASE": "1"}),
        ("daphne", "asgi", {"ROTATION_LEASE": "1", "QUEUE_SECONDS": "0.4"}),
        ("uvicorn", "asgi", {"QUEUE_SECONDS": "0.4"}),
    ],
)
def test_the_same_exchanges_come_to_the_same(server: str, gear: str, env: dict[str, str]) -> None:
    with gear_pair(server, gear, env) as pair, ThreadPoolExecutor(2) as threads:
        for exchange in exchanges(SEED, COUNT):
            what = f"seed {SEED}, {exchange.kind} {exchange.number}"
            seen = list(threads.map(lambda each, todo=exchange: each.take(todo), pair))
            assert seen[0] == seen[1], what
            asked = [each.asked(exchange.number) for each in pair]
            assert asked[0] == asked[1], what
        books = list(threads.map(lambda each: each.books(), pair))
        assert books[0] == books[1]
        assert books[0]["keys"], "nothing was counted"
