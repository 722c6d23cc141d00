"""Picks keys as a gateway process does, and prints `[[slot, key id], …]`.

`python -m tests.support.pick_process PICKS THREADS`
"""

import json
import sys
import threading
from datetime import UTC, datetime

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from proxyapp.pool import cursor  # noqa: E402
from proxyapp.pool.leasing import FEWEST_PICKS  # noqa: E402
from proxyapp.pool.ring_names import ALL_GROUPS  # noqa: E402
from proxyapp.pool.rotor import Rotor  # noqa: E402
from proxyapp.pool.store import PoolReader  # noqa: E402


def pick(count: int, picks: list[tuple[int, int]]) -> None:
    now = datetime.now(UTC)
    ring = PoolReader().load(now).rings[ALL_GROUPS]
    rotor = Rotor(ring)
    while len(picks) < count:
        if settings.ROTATION_LEASE == 1:
            chosen, _ = cursor.take(ring)
        else:
            while (chosen := rotor.pick(now.timestamp())) is None:
                slots = cursor.lease_slots(
                    len(ring), ring.available(now.timestamp()).count, FEWEST_PICKS
                )
                rotor.add(cursor.lease_laps(ring.name, ring.key_ids, slots))
        assert chosen is not None
        picks.append((chosen.slot, chosen.key.id))
    connection.close()


if __name__ == "__main__":
    shares: list[list[tuple[int, int]]] = [[] for _ in range(int(sys.argv[2]))]
    threads = [threading.Thread(target=pick, args=(int(sys.argv[1]), share)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps([pair for share in shares for pair in share]))
