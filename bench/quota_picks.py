"""What a pick costs with limits on: `python -m bench.quota_picks`.

10,000 keys of 5,000 projects, each with a limit of requests a minute, of input tokens a minute and
of requests a day, none of which is used up. A pick is a turn of the ring and what it takes of the
limits; what an answer gives back is timed apart. Medians of rounds, each key once a round, with the
thresholds of the garbage collector that a process of the gateway has.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxyapp.pool.keys_and_groups import PoolKey
    from proxyapp.quota.charge import LimitCharge

KEYS, ROUNDS, MODEL = 10_000, 15, "gemini-2.5-flash"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django

    django.setup()
    from proxyapp.process.calm_collector import calm_collector

    picks = Picks()
    calm_collector()
    plain, limited, ended = [], [], []
    for _ in range(ROUNDS):
        plain.append(_timed(picks.pick_plainly))
        limited.append(_timed(picks.pick))
        ended.append(_timed(picks.end))
    for name, figures in (("a pick", plain), ("with limits", limited), ("its end", ended)):
        print(f"{name:<12} {statistics.median(figures):6.2f} µs (least {min(figures):.2f})")
    print(f"limits add   {statistics.median(limited) - statistics.median(plain):6.2f} µs a pick")


class Picks:
    """Of all keys in turn, each of which has had one pick with limits."""

    def __init__(self) -> None:
        from proxyapp.pool.cooldowns import Cooldowns
        from proxyapp.pool.cursor import Lease
        from proxyapp.pool.ring_names import ALL_GROUPS
        from proxyapp.pool.rotor import Rotor
        from proxyapp.pool.snapshot import build
        from proxyapp.provider.llm_tokens import LlmTokens
        from proxyapp.vocabulary.limits import Meter
        from tests.support.shares_in_memory import SharesInMemory, SimulatedProcess, SomeLimits

        keys = _keys()
        snapshot = build(1, [keys[0].group], keys, Cooldowns())
        meters = (
            Meter.REQUESTS_PER_MINUTE,
            Meter.INPUT_TOKENS_PER_MINUTE,
            Meter.REQUESTS_PER_DAY,
        )
        limits = SomeLimits({MODEL: dict.fromkeys(meters, 10**9)})
        self._keeper = SimulatedProcess(SharesInMemory(), snapshot, limits, time.time).keeper
        self._rotor = Rotor(snapshot.rings[ALL_GROUPS])
        self._rotor.add(Lease(0, KEYS * (ROUNDS + 2) * 2, version=0))
        self._used = LlmTokens(prompt=480, output=100)
        self._charges: list[LimitCharge] = []
        for key in keys:
            self._keeper.take(key, MODEL, _estimate, time.time())

    def pick_plainly(self) -> None:
        self._rotor.pick(time.time())

    def pick(self) -> None:
        now = time.time()
        turn = self._rotor.pick(now)
        assert turn is not None
        charge = self._keeper.take(turn.key, MODEL, _estimate, now)
        assert charge is not None
        self._charges.append(charge)

    def end(self) -> None:
        self._charges.pop().end(self._used)


def _keys() -> "list[PoolKey]":
    from proxyapp.pool.keys_and_groups import PoolKey
    from tests.support.snapshots import group

    one = group(1, "main")
    return [
        PoolKey(number, one, f"K{number}", "…", "active", f"p{number // 2}")
        for number in range(1, KEYS + 1)
    ]


def _estimate() -> int:
    return 500


def _timed(work: Callable[[], object]) -> float:
    """Microseconds for each key."""
    began = time.process_time()
    for _ in range(KEYS):
        work()
    return (time.process_time() - began) * 1e6 / KEYS


if __name__ == "__main__":
    main()
