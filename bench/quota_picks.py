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

KEYS, ROUNDS, MODEL = 10_000, 15, "gemini-2.5-flash"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django

    django.setup()
    from proxyapp.pool.cooldowns import Cooldowns
    from proxyapp.pool.cursor import Lease
    from proxyapp.pool.keys_and_groups import PoolKey
    from proxyapp.pool.ring_names import ALL_GROUPS
    from proxyapp.pool.rotor import Rotor
    from proxyapp.pool.snapshot import build
    from proxyapp.process.calm_collector import calm_collector
    from proxyapp.provider.llm_tokens import LlmTokens
    from proxyapp.quota.charge import LimitCharge
    from proxyapp.vocabulary.limits import Meter
    from tests.support.shares_in_memory import SharesInMemory, SimulatedProcess, SomeLimits
    from tests.support.snapshots import group

    one = group(1, "main")
    keys = [
        PoolKey(number, one, f"K{number}", "…", "active", f"p{number // 2}")
        for number in range(1, KEYS + 1)
    ]
    snapshot = build(1, [one], keys, Cooldowns())
    most = 10**9
    limits = {
        Meter.REQUESTS_PER_MINUTE: most,
        Meter.INPUT_TOKENS_PER_MINUTE: most,
        Meter.REQUESTS_PER_DAY: most,
    }
    process = SimulatedProcess(SharesInMemory(), snapshot, SomeLimits({MODEL: limits}), time.time)
    keeper, ring = process.keeper, snapshot.rings[ALL_GROUPS]
    rotor = Rotor(ring)
    rotor.add(Lease(0, KEYS * (ROUNDS + 2) * 2, version=0))
    estimate: Callable[[], int] = lambda: 500  # noqa: E731
    used = LlmTokens(prompt=480, output=100)
    for key in keys:
        keeper.take(key, MODEL, estimate, time.time())
    calm_collector()
    charges: list[LimitCharge] = []

    def pick_plainly() -> None:
        rotor.pick(time.time())

    def pick() -> None:
        now = time.time()
        turn = rotor.pick(now)
        assert turn is not None
        charge = keeper.take(turn.key, MODEL, estimate, now)
        assert charge is not None
        charges.append(charge)

    def end() -> None:
        charges.pop().end(used)

    plain, limited, ended = [], [], []
    for _ in range(ROUNDS):
        plain.append(_timed(pick_plainly))
        limited.append(_timed(pick))
        ended.append(_timed(end))
    for name, figures in (("a pick", plain), ("with limits", limited), ("its end", ended)):
        print(f"{name:<12} {statistics.median(figures):6.2f} µs (least {min(figures):.2f})")
    print(f"limits add   {statistics.median(limited) - statistics.median(plain):6.2f} µs a pick")


def _timed(work: Callable[[], object]) -> float:
    """Microseconds for each key."""
    began = time.process_time()
    for _ in range(KEYS):
        work()
    return (time.process_time() - began) * 1e6 / KEYS


if __name__ == "__main__":
    main()
