"""`make bench`: installs what is missing, measures everything, and writes the results."""

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import bodies, install, nginx, results, throughput, throughput_report
from bench.contestants import PEERS
from bench.lineup import FEW
from bench.process import end_on_sigterm, raise_file_limit
from bench.report import Section, brief, not_measured
from bench.throughput import ThroughputPlan

HERE = Path(__file__).parent
TITLES = {
    "throughput": "(a) Small JSON answers",
    "streams": "(b) Streams",
    "bodies": "(c) Large bodies",
    "storm": "(d) Refusals",
    "pools": "(e) Pools",
    "transports": "(f) Transports",
    "economy": "(g) Quota economy",
    "growth": "(h) Growth",
    "idle": "(i) Idle",
    "statements": "(j) PostgreSQL at load",
    "hotspots": "Where the time of a request goes",
    "figures": "Figures",
}
ALONE = "figures"
"""Measured only when it is asked for: it is the others' most important figures again."""


@dataclass(frozen=True)
class BenchPlan:
    """`budgets` are the seconds that each module may take; what has none is not measured."""

    throughput: ThroughputPlan
    budgets: Mapping[str, float]
    results: Path
    command: str


FULL = BenchPlan(
    ThroughputPlan(rounds=3, seconds=2.0),
    {
        "throughput": 400.0,
        "streams": 100.0,
        "bodies": 60.0,
        "storm": 40.0,
        "pools": 40.0,
        "transports": 45.0,
        "economy": 10.0,
        "growth": 110.0,
        "idle": 60.0,
        "statements": 76.0,
        "hotspots": 20.0,
        ALONE: 540.0,
    },
    HERE,
    "make bench",
)
QUICK = BenchPlan(
    ThroughputPlan(
        rounds=1,
        seconds=1.0,
        connections=(1, 32),
        warm_up_seconds=1.0,
        settle_seconds=2.0,
        only=FEW,
    ),
    {"throughput": 50.0, "streams": 15.0, "idle": 20.0, "hotspots": 10.0},
    PEERS / "quick",
    "make bench ARGS=--quick (a smoke check)",
)


def say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    given = _arguments()
    plan = QUICK if given.quick else FULL
    only = tuple(given.only or (name for name in plan.budgets if name != ALONE))
    end_on_sigterm()
    raise_file_limit()
    try:
        install.tools(say)
    except install.InstallFailed as error:
        print(error, file=sys.stderr)
        return 1
    missing = install.peers(say) if "throughput" in only else {}
    folder = PEERS / "only" if given.only else plan.results
    measure(plan, only, folder, missing)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one short round, a smoke check; results under .bench/"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=TITLES,
        help="this section alone (again: and that one); results under .bench/only/",
    )
    return parser.parse_args()


def measure(plan: BenchPlan, only: Sequence[str], folder: Path, missing: Mapping[str, str]) -> None:
    facts = results.facts(os.getloadavg()[0])
    folder.mkdir(parents=True, exist_ok=True)

    def small_answers() -> Section:
        with nginx.upstream() as upstream:
            found = throughput.measure(upstream, missing, plan.throughput, say)
        (folder / "results.svg").write_text(throughput_report.drawn(found))
        return throughput_report.section(found, plan.throughput)

    special = {"throughput": small_answers, "bodies": lambda: bodies.run(plan.throughput.rounds)}

    def scenario(name: str) -> Callable[[], Section]:
        return special.get(name, lambda: _of_module(name, plan))

    sections = [_guarded(TITLES[name], scenario(name)) for name in TITLES if name in only]
    is_whole = folder == plan.results
    command = plan.command if is_whole else f"make bench ARGS='--only {' --only '.join(only)}'"
    text = results.markdown(sections, command, facts, has_notes=is_whole)
    (folder / "RESULTS.md").write_text(text)
    say(f"\n{text}\nWritten to {os.path.relpath(folder / 'RESULTS.md')}.")


def _of_module(name: str, plan: BenchPlan) -> Section:
    budget = plan.budgets.get(name, FULL.budgets[name])
    section: Section = importlib.import_module(f"bench.{name}").run(budget)
    return section


def _guarded(title: str, scenario: Callable[[], Section]) -> Section:
    """A scenario that fails is told in its section; the others are measured all the same."""
    say(f"{title} …")
    started = time.monotonic()
    try:
        section = scenario()
    except Exception as error:  # noqa: BLE001 (the outermost boundary)
        reason = f"{type(error).__name__}: {brief(error)}"
        section = Section(
            title, [f"Not measured: {reason}"], [not_measured(title, "a figure", reason)]
        )
        say(f"  not measured: {reason}")
    say(f"  took {time.monotonic() - started:.0f} s")
    return section


if __name__ == "__main__":
    sys.exit(main())
