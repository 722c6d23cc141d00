"""(j) PostgreSQL at load: statements and CPU a request, with 10,000 keys and 1, 2 and 4 processes.

`python -m bench.statements SECONDS` prints it; with `--limits` each key has three limits, none of
which is used up.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import MappingProxyType

from bench import nginx
from bench.contestants import Contestant, gateway, group
from bench.load import LoadFailed, Sample, check, wrk
from bench.report import BenchTarget, Section, at_most, table
from bench.statement_log import StatementLog, statement_log

KEYS = 10_000
PROCESSES = (1, 2, 4)
CONNECTIONS = 64
SERVER = "uvicorn"
ROUNDS = 3
WARM_UP_SECONDS = 4.0
START_SECONDS = 40.0
MOST_STATEMENTS = 0.01
MOST_WITH_LIMITS = 0.02
MANY = 1_000_000_000
LIMITS = {
    "*": {
        "requests_per_minute": MANY,
        "input_tokens_per_minute": MANY,
        "requests_per_day": MANY,
    }
}
# Until each process has a share of each of the keys' limits.
LEASING_SECONDS = 20.0
MOST_RATIO = 1.1


@dataclass(frozen=True)
class AtLoad:
    """Of one turn. `statements`: by answered request."""

    sample: Sample
    statements: float
    statements_a_second: float


Found = dict[int, list[AtLoad]]
Limits = Mapping[str, Mapping[str, int]]
NO_LIMITS: Limits = MappingProxyType({})


def run(seconds_budget: float) -> Section:
    seconds = max(2.0, (seconds_budget - START_SECONDS) / ROUNDS / len(PROCESSES))
    found = measure(seconds)
    return Section("(j) PostgreSQL at load", _lines(found, seconds), list(targets(found)))


def measure(seconds: float, limits: Limits = NO_LIMITS) -> Found:
    """By the number of processes. Raises LoadFailed, and NoStatementLog."""
    found: Found = defaultdict(list)
    with nginx.upstream() as upstream, statement_log() as log, ExitStack() as stack:
        standing = {count: _started(count, upstream, log, stack, limits) for count in PROCESSES}
        for contestant in standing.values():
            check(contestant)
            wrk(contestant, CONNECTIONS, LEASING_SECONDS if limits else WARM_UP_SECONDS)
        for _ in range(ROUNDS):
            for count, contestant in standing.items():
                found[count].append(_turn(contestant, _database(count), log, seconds))
    return found


def _database(count: int) -> str:
    return f"at_load_{count}"


def _started(
    count: int, upstream: str, log: StatementLog, stack: ExitStack, limits: Limits
) -> Contestant:
    """Not pinned: several processes need the cores that the load is on."""
    home = Path(stack.enter_context(TemporaryDirectory(prefix="bench-statements-")))
    variables = {"DATABASE_URL": log.database(_database(count))}
    config = {"groups": [group(upstream, KEYS, limits=dict(limits))]}
    return stack.enter_context(gateway(SERVER, config, count, variables, home=home))


def _turn(contestant: Contestant, database: str, log: StatementLog, seconds: float) -> AtLoad:
    begin = log.end
    sample = wrk(contestant, CONNECTIONS, seconds)
    asked = log.counted(database, begin)
    if sample.errors:
        raise LoadFailed(f"{database}: {sample.errors} of {sample.requests} requests failed")
    lasted = sample.requests / sample.per_second
    return AtLoad(sample, asked / sample.requests, asked / lasted)


def _cpu_ratio(found: Found, count: int) -> float:
    """Of the same round, to that of one process."""
    pairs = zip(found[count], found[1], strict=True)
    return median(one.sample.cpu_us / other.sample.cpu_us for one, other in pairs)


def _lines(found: Found, seconds: float) -> list[str]:
    rows = [
        [
            str(count),
            f"{median(each.statements for each in turns):.4f}",
            f"{median(each.statements_a_second for each in turns):,.0f}",
            f"{median(each.sample.cpu_us for each in turns):,.0f}",
            f"{_cpu_ratio(found, count):.2f}",
            f"{median(each.sample.per_second for each in turns):,.0f}",
        ]
        for count, turns in found.items()
    ]
    head = ["processes", "statements a request", "a second", "CPU µs a request", "of one process"]
    return [
        (
            f"{SERVER}, {KEYS:,} keys in one group, {CONNECTIONS} connections, {ROUNDS} turns of"
            f" {seconds:.0f} s each, medians. PostgreSQL runs on the same cores, with the load and"
            " the upstream; its own CPU is not counted. Every statement of its log counts."
        ),
        "",
        *table([*head, "requests/s"], rows),
    ]


def targets(found: Found) -> Iterator[BenchTarget]:
    most = PROCESSES[-1]
    asked = median(each.statements for each in found[most])
    yield BenchTarget(
        f"PostgreSQL, {KEYS:,} keys, {most} processes: statements a request",
        f"≤ {MOST_STATEMENTS:g}",
        f"{asked:.4f}",
        asked <= MOST_STATEMENTS,
    )
    yield at_most(f"{KEYS:,} keys: CPU of 2 processes / 1", MOST_RATIO, _cpu_ratio(found, 2), "x")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.statements", description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--limits", action="store_true")
    asked = parser.parse_args()
    if not asked.limits:
        print(run(asked.seconds).markdown())
        return
    found = measure(asked.seconds, LIMITS)
    most = max(median(each.statements for each in turns) for turns in found.values())
    print(*_lines(found, asked.seconds), f"Target: {MOST_WITH_LIMITS:g}; {most:.4f}.", sep="\n")


if __name__ == "__main__":
    main()
