"""`make bench`: installs what is missing, measures everything, and writes the results."""

import argparse
import importlib
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import bodies, install, nginx, results, throughput, throughput_report
from bench.contestants import PEERS
from bench.process import end_on_sigterm
from bench.report import Section, brief, not_measured

HERE = Path(__file__).parent


@dataclass(frozen=True)
class BenchPlan:
    """`budgets` are the seconds that each of the other modules may take."""

    rounds: int
    seconds: float
    budgets: Mapping[str, float]
    results: Path
    command: str


FULL = BenchPlan(
    3,
    2.0,
    {
        "streams": 100.0,
        "storm": 40.0,
        "pools": 40.0,
        "transports": 45.0,
        "economy": 10.0,
        "hotspots": 20.0,
    },
    HERE,
    "make bench",
)
QUICK = BenchPlan(
    1,
    1.0,
    {
        "streams": 30.0,
        "storm": 10.0,
        "pools": 12.0,
        "transports": 10.0,
        "economy": 3.0,
        "hotspots": 12.0,
    },
    PEERS / "quick",
    "make bench ARGS=--quick (a smoke check)",
)


def say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one short round, a smoke check; results under .bench/"
    )
    plan = QUICK if parser.parse_args().quick else FULL
    end_on_sigterm()
    _allow_many_files()
    try:
        install.tools(say)
    except install.InstallFailed as error:
        print(error, file=sys.stderr)
        return 1
    missing = install.peers(say)
    measure(plan, missing)
    return 0


def measure(plan: BenchPlan, missing: Mapping[str, str]) -> None:
    facts = results.facts(os.getloadavg()[0])
    plan.results.mkdir(parents=True, exist_ok=True)

    def small_answers() -> Section:
        with nginx.upstream() as upstream:
            found = throughput.measure(
                upstream, missing, rounds=plan.rounds, seconds=plan.seconds, say=say
            )
        (plan.results / "results.svg").write_text(throughput_report.drawn(found))
        return throughput_report.section(found, plan.rounds, plan.seconds)

    sections = [
        _guarded("(a) Small JSON answers", small_answers),
        _guarded("(b) Streams", lambda: _of_module("streams", plan)),
        _guarded("(c) Large bodies", lambda: bodies.run(plan.rounds)),
        _guarded("(d) Refusals", lambda: _of_module("storm", plan)),
        _guarded("(e) Pools", lambda: _of_module("pools", plan)),
        _guarded("(f) Transports", lambda: _of_module("transports", plan)),
        _guarded("(g) Quota economy", lambda: _of_module("economy", plan)),
        _guarded("The ten most expensive functions", lambda: _of_module("hotspots", plan)),
    ]
    text = results.markdown(sections, plan.command, facts)
    (plan.results / "RESULTS.md").write_text(text)
    say(f"\n{text}\nWritten to {os.path.relpath(plan.results / 'RESULTS.md')}.")


def _of_module(name: str, plan: BenchPlan) -> Section:
    section: Section = importlib.import_module(f"bench.{name}").run(plan.budgets[name])
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


def _allow_many_files() -> None:
    """2,000 streams are 4,000 sockets in one process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
