"""Scenario (e): what large pools cost a pick, the event loop and the database.

`bench.pool_probe` measures it.
"""

import json
import os
import subprocess
import sys
import tempfile
from statistics import median

from bench import stream_upstream
from bench.contestants import ROOT, environment
from bench.pool_probe import CLIENTS, COOLING, RELOADS, SIZES, PoolFigures
from bench.process import CONTESTANT_CORES, on_cores
from bench.report import BenchTarget, Section, at_most, table

PICK_MICROSECONDS = 10.0
STALL_MS = 20.0
TRANSACTIONS = 0.05
SAME_COST = 2.0


def run(seconds_budget: float) -> Section:
    seconds = min(4.0, max(1.5, seconds_budget / 8))
    with (
        tempfile.TemporaryDirectory(prefix="bench-pools-") as home,
        stream_upstream.upstream() as upstream,
    ):
        database = f"sqlite:///{home}/db.sqlite3"
        env = environment(
            home, VAR_DIR=home, ENV_FILE=os.devnull, DATABASE_URL=database, LOG_LEVEL="WARNING"
        )
        with on_cores(CONTESTANT_CORES):
            command = [sys.executable, "-m", "bench.pool_probe", upstream, str(seconds)]
            done = subprocess.run(
                command,
                env=env,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                timeout=120 + seconds,
            )
    figures = PoolFigures(**json.loads(done.stdout))
    return Section("(e) Pools", _lines(figures), _targets(figures))


def _lines(figures: PoolFigures) -> list[str]:
    rows = [
        [f"{size:,} keys", *(f"{figures.picks[f'{size}, {kind}']:.2f}" for kind in COOLING)]
        for size in SIZES
    ]
    reloads = [
        [kind, *(f"{max(stalls):.1f}", f"{median(stalls):.1f}")]
        for kind, stalls in figures.stalls.items()
    ]
    parts = ", ".join(f"{name}: {count}" for name, count in sorted(figures.transactions.items()))
    return [
        "µs a pick, leases included, by how many of the keys are cooling:",
        "",
        *table(["", *COOLING], rows),
        "",
        (
            "How late the event loop was while 10,000 keys were reloaded (ms; a reload took"
            f" {figures.reload_ms:.0f} ms; without one the loop was up to"
            f" {figures.quiet_stall_ms:.1f} ms late):"
        ),
        "",
        *table(["cooling", f"worst of {RELOADS}", "median"], reloads),
        "",
        (
            f"Database transactions at {figures.requests_per_second:,.0f} requests/s of {CLIENTS}"
            f" clients and 100 keys: {figures.transactions_per_request:.4f} a request ({parts})."
        ),
    ]


def _targets(figures: PoolFigures) -> list[BenchTarget]:
    few, many = (figures.picks[f"{size}, all but one"] for size in (10, 10_000))
    stall = max(max(stalls) for stalls in figures.stalls.values())
    ratio = many / few
    return [
        at_most("A pick, worst pool", PICK_MICROSECONDS, max(figures.picks.values()), "µs"),
        BenchTarget(
            "A pick, 10,000 keys against 10, all but one cooling",
            "the same",
            f"{ratio:.2f} x",
            ratio <= SAME_COST,
        ),
        at_most("Reload of 10,000 keys: the loop stands still", STALL_MS, stall, "ms"),
        at_most(
            "Database transactions a request",
            TRANSACTIONS,
            figures.transactions_per_request,
            "a request",
        ),
    ]


if __name__ == "__main__":
    print(run(30).markdown())
