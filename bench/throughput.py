"""(a) Small JSON answers at 1, 32 and 256 connections: CPU a request, rate and latency.

All contestants run the whole time and take turns: a slow minute of the machine hits all of them. A
contestant that was slow when it warmed up is measured for longer, so that each of its connections
is answered a few times.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from bench.contestants import Contestant, Endpoint
from bench.lineup import DIRECT, Starter, lineup
from bench.load import LoadFailed, Sample, check, wrk
from bench.peer_binaries import GO, RUST
from bench.process import StartFailed
from bench.report import brief

CONNECTIONS = (1, 32, 256)
ANSWERS_PER_CONNECTION = 2.5
MAX_SECONDS = 9.0
WARM_UP_REQUESTS = 12_000
"""Node compiles while it serves: its first seconds are a third as fast as the later ones."""
WARM_UP_SECONDS = 10.0
LEAD_IN_SECONDS = 1.0
SETTLE_SECONDS = 12.0
SETTLE_STEP_SECONDS = 0.4
IDLE_SHARE = 0.15
"""Of one core, for all contestants together."""
RAMP_SECONDS = 1.0
"""More for the most connections, which are new at both ends."""
BINARIES = (RUST, GO)


@dataclass(frozen=True)
class ThroughputPlan:
    """`only`: the contestants by name, besides the binaries that were found; empty: all."""

    rounds: int
    seconds: float
    connections: tuple[int, ...] = CONNECTIONS
    warm_up_seconds: float = WARM_UP_SECONDS
    settle_seconds: float = SETTLE_SECONDS
    only: tuple[str, ...] = ()

    def takes(self, name: str) -> bool:
        return not self.only or name in self.only or name.startswith(BINARIES)


@dataclass
class ThroughputFigures:
    """What was measured of one contestant, by the number of connections."""

    samples: dict[int, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    failure: str = ""

    @property
    def is_measured(self) -> bool:
        return not self.failure and bool(self.samples)

    def rate(self, connections: int) -> float:
        return median(sample.per_second for sample in self.samples[connections])

    def p50(self, connections: int) -> float:
        return median(sample.p50_ms for sample in self.samples[connections])

    def p99(self, connections: int) -> float:
        return median(sample.p99_ms for sample in self.samples[connections])

    def cpu_us(self, connections: int) -> float:
        return median(sample.cpu_us for sample in self.samples[connections])

    def errors(self) -> int:
        return sum(sample.errors for samples in self.samples.values() for sample in samples)

    def spread(self, connections: int) -> float:
        """How far the rounds lie apart, as a part of their median."""
        rates = [sample.per_second for sample in self.samples[connections]]
        return (max(rates) - min(rates)) / median(rates)


Results = dict[str, ThroughputFigures]


def measure(
    upstream: str, missing: Mapping[str, str], plan: ThroughputPlan, say: Callable[[str], None]
) -> Results:
    """A contestant that cannot be measured has a `failure` instead of samples.

    It is `missing`, does not start, or does not answer.
    """
    results: Results = {DIRECT: ThroughputFigures()}
    with ExitStack() as stack:
        standing: dict[str, Endpoint] = {DIRECT: Endpoint(name=DIRECT, url=upstream)}
        for name, start in lineup(upstream).items():
            if not plan.takes(name):
                continue
            results[name] = ThroughputFigures(failure=missing.get(name, ""))
            if not results[name].failure:
                results[name].failure = _joins(standing, name, stack, start)
            if results[name].failure:
                say(f"  {name}: not measured: {results[name].failure}")
        _take_turns(standing, results, plan, say)
    for figures in results.values():
        if any(figures.rate(count) == 0 for count in figures.samples):
            figures.failure = "answered nothing in most rounds"
    return results


def _joins(standing: dict[str, Endpoint], name: str, stack: ExitStack, start: Starter) -> str:
    """Why it does not, or nothing."""
    try:
        contestant = stack.enter_context(start())
        check(contestant)
    except (StartFailed, LoadFailed, OSError) as error:
        return brief(error)
    standing[name] = contestant
    return ""


def _take_turns(
    standing: dict[str, Endpoint],
    results: Results,
    plan: ThroughputPlan,
    say: Callable[[str], None],
) -> None:
    pace = dict(_warm_up(standing, results, plan.warm_up_seconds))
    names = list(pace)
    for number in range(plan.rounds):
        started = time.monotonic()
        for name in names:
            _settle(standing, plan.settle_seconds)
            _turn(standing[name], results[name], pace[name], plan)
        names = names[1:] + names[:1]  # Nobody always comes after the same one.
        say(f"  round {number + 1} of {plan.rounds} took {time.monotonic() - started:.0f} s")


def _settle(standing: dict[str, Endpoint], limit_seconds: float) -> None:
    """Waits until all are idle.

    A slow one goes on with what its clients no longer wait for, on the next one's core.
    """
    processes = [each.process for each in standing.values() if isinstance(each, Contestant)]
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        before = sum(process.cpu_seconds() for process in processes)
        time.sleep(SETTLE_STEP_SECONDS)
        if (
            sum(process.cpu_seconds() for process in processes) - before
            < IDLE_SHARE * SETTLE_STEP_SECONDS
        ):
            return


def _turn(
    contestant: Endpoint, figures: ThroughputFigures, pace: float, plan: ThroughputPlan
) -> None:
    """All numbers of connections, after a second that does not count.

    An idle process is slow at first.
    """
    try:
        wrk(contestant, 32, LEAD_IN_SECONDS)
        for connections in plan.connections:
            needed = ANSWERS_PER_CONNECTION * connections / max(pace, 1.0)
            least = plan.seconds + RAMP_SECONDS * (connections == max(CONNECTIONS))
            figures.samples[connections].append(
                wrk(contestant, connections, min(max(least, needed), MAX_SECONDS))
            )
    except LoadFailed as error:
        figures.failure = brief(error)


def _warm_up(
    standing: dict[str, Endpoint], results: Results, limit_seconds: float
) -> Iterator[tuple[str, float]]:
    """The requests a second of each contestant that stands it."""
    for name, contestant in standing.items():
        try:
            pace = wrk(contestant, 32, 1.0).per_second
            seconds = min(WARM_UP_REQUESTS / max(pace, 1.0), limit_seconds)
            if seconds > 1.0:
                pace = wrk(contestant, 32, seconds).per_second
            yield name, pace
        except LoadFailed as error:
            results[name].failure = brief(error)
