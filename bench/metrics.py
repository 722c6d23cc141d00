"""What `/metrics` costs: `python -m bench.metrics`.

An answer for four workers with 200 models each: the own part is written, the three others' are read
and added up, and the text is made, as Prometheus asks for it (OpenMetrics) and plain. 10,000 keys.
And what a request costs that is counted, as it stands (compiled or not). Medians, CPU time.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

MODELS, WORKERS, KEYS, ROUNDS, HEARD = 200, 4, 10_000, 15, 20_000
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def median_ms(work: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
    return statistics.median(took) * 1000


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django

    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder)))


async def measure(folder: Path) -> None:
    from proxyapp.metrics.present import KeysNow
    from proxyapp.metrics.process_metrics import text_of
    from proxyapp.metrics.shared_files import SharedFiles, Telling
    from proxyapp.metrics.tally import RequestTally
    from proxyapp.pool.cooldowns import Cooldowns
    from proxyapp.pool.keys_and_groups import PoolKey
    from proxyapp.pool.snapshot import build
    from proxyapp.process.calm_collector import calm_collector
    from proxyapp.provider.llm_tokens import LlmTokens
    from tests.support.attempted_records import attempted
    from tests.support.exposition import full_counts
    from tests.support.snapshots import group

    one = group(1, "main")
    keys = [PoolKey(number, one, f"K{number}", "…", "active") for number in range(1, KEYS + 1)]
    snapshot = build(1, [one], keys, Cooldowns())
    workers = [SharedFiles(folder, "17-abc") for _ in range(WORKERS)]
    for worker in workers:
        worker.open()
        worker.write(Telling(full_counts(MODELS), {}))
    calm_collector()
    for name, accept in (("OpenMetrics", OPENMETRICS), ("plain text", "")):

        def answer(accept: str = accept) -> bytes:
            own = Telling(full_counts(MODELS), {})
            now = KeysNow.of(snapshot)
            return text_of(accept, own, workers[0], now, folder, is_database_up=True)[0]

        size = len(answer())
        print(f"an answer, {name}: {median_ms(answer):.1f} ms, {size / 1024:.0f} KB")
    told = Telling(full_counts(MODELS), {})
    print(f"a second's part is told: {median_ms(lambda: workers[0].write(told)):.2f} ms")
    tally = RequestTally()
    tally.groups = {"main"}
    used = LlmTokens(480, 100)
    records = [attempted(f"gemini-{number}", llm_tokens=used) for number in range(50)]

    def hear() -> None:
        for _ in range(HEARD // len(records)):
            for record in records:
                tally.hear(record)

    print(f"a request is counted: {median_ms(hear) * 1000 / HEARD:.2f} µs")


if __name__ == "__main__":
    main()
