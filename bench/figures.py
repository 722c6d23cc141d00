"""The project's own figures of speed: each with its target and what it was before.

`make bench ARGS='--only figures'` measures them in ten minutes at most. What was before is the
commit that the work on speed began with, on the same kind of machine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench import growth, idle, install, nginx, refusal_cost, stream_upstream, streams, throughput
from bench.checkouts import is_compiled
from bench.contestants import ROOT
from bench.lineup import DAPHNE, DIRECT, LITELLM, PORTKEY, PURE, UVICORN
from bench.peer_binaries import GO, RUST_FIRST, RUST_LATER, looked_for
from bench.process import raise_file_limit
from bench.report import BenchTarget, Section, brief, not_measured, table
from bench.throughput import Results, ThroughputPlan

BUSY = 32
PLAN = ThroughputPlan(
    rounds=3,
    seconds=2.0,
    connections=(1, BUSY),
    warm_up_seconds=6.0,
    settle_seconds=4.0,
    only=(DIRECT, UVICORN, UVICORN + PURE, DAPHNE, LITELLM, PORTKEY),
)
STREAMS, STREAM_ROUNDS, STREAM_SECONDS = 2000, 2, 5.0
IDLE_SECONDS = 6.0
GROWTH_SECONDS = 3.0
Measured = float | str
"""A figure, or why there is none."""


@dataclass(frozen=True)
class Wanted:
    name: str
    limit: float
    before: str
    unit: str = "x"
    is_floor: bool = False

    @property
    def target(self) -> str:
        return f"{'≥' if self.is_floor else '≤'} {self.limit:,g} {self.unit}"

    def judged(self, value: Measured) -> BenchTarget:
        if isinstance(value, str):
            return not_measured(self.name, self.target, value)
        met = value >= self.limit if self.is_floor else value <= self.limit
        digits = 0 if value >= 1000 else 2
        return BenchTarget(self.name, self.target, f"{value:,.{digits}f} {self.unit}", met)


REQUESTS = (
    Wanted("CPU a request, 32 connections, 10 keys, compiled", 50, "-", "µs"),
    Wanted("the same, pure", 80, "137-143", "µs"),
    Wanted("the same, Daphne / uvicorn", 1.1, "1.17"),
    Wanted("requests/s / gpt-load (Go), compiled", 1.25, "-", is_floor=True),
    Wanted("requests/s / gpt-load (Go), pure", 0.7, "0.45-0.48", is_floor=True),
    Wanted("requests/s / the Rust original, later version", 1.7, "0.61", is_floor=True),
    Wanted("requests/s / the Rust original, first version", 0.8, "0.28", is_floor=True),
    Wanted("requests/s / Portkey", 14, "5.1", is_floor=True),
    Wanted("requests/s / LiteLLM", 130, "48", is_floor=True),
    Wanted("added latency at 1 connection, p50", 0.15, "0.21-0.23", "ms"),
)
GROWTH = (
    Wanted("10,000 keys against 10, CPU a request", 1.1, "2.0"),
    Wanted("50,000 keys against 10, CPU a request", 1.1, "2.0"),
    Wanted("limits of 5,000 tokens, CPU a request", 30, "1,831", "µs more"),
)
STREAMING = tuple(
    wanted
    for server, before in (("uvicorn", ("240", "4,000", "33,000", "28")), ("Daphne", ("-",) * 4))
    for wanted in (
        Wanted(f"{STREAMS:,} streams, {server}: first event p50", 160, before[0], "ms"),
        Wanted(f"{STREAMS:,} streams, {server}: first event p99", 700, before[1], "ms"),
        Wanted(f"{STREAMS:,} streams, {server}: events/s of 40,000", 39_000, before[2], "", True),
        Wanted(f"{STREAMS:,} streams, {server}: memory a stream", 30, before[3], "KB"),
    )
)
REFUSALS = (Wanted("a 429 in a storm, 50,000 keys, CPU", 0.5, "3.2", "ms"),)
IDLE = (
    Wanted("idle process, uvicorn", 100, "101", "MB"),
    Wanted("idle process, Daphne", 100, "-", "MB"),
    Wanted("supervisor of two", 30, "85", "MB"),
)


def run(seconds_budget: float) -> Section:
    """It is always the whole table; `seconds_budget` is what it takes."""
    parts: list[tuple[Sequence[Wanted], Callable[[], Sequence[Measured]]]] = [
        (REQUESTS, _requests),
        (GROWTH, _growth),
        (STREAMING, _streams),
        (REFUSALS, _refusals),
        (IDLE, _idle),
    ]
    rows = [row for wanted, measure in parts for row in rows_of(wanted, measure)]
    kind = "compiled" if is_compiled(ROOT) else "pure: nothing is compiled here"
    return Section(
        "Figures",
        [
            (
                f"The gateway is {kind}; uvicorn, one process, where nothing else is said. The"
                " ratios to peers are of requests/s at 32 connections, with a core for each"
                f" contestant. Of other peers, {looked_for()}."
            ),
            "",
            *table(["", "target", "before", "now", ""], rows),
        ],
    )


def rows_of(
    wanted: Sequence[Wanted], measure: Callable[[], Sequence[Measured]]
) -> Iterator[list[str]]:
    """What fails is told in its rows; the other figures are measured all the same."""
    try:
        values = measure()
    except Exception as error:  # noqa: BLE001 (as in bench/__main__.py)
        values = [brief(error)] * len(wanted)
    for each, value in zip(wanted, values, strict=True):
        judged = each.judged(value)
        verdict = "" if isinstance(value, str) else "met" if judged.met else "**missed**"
        yield [each.name, each.target, each.before, judged.measured, verdict]


def _requests() -> Sequence[Measured]:
    missing = install.peers(print)
    with nginx.upstream() as upstream:
        results = throughput.measure(upstream, missing, PLAN, print)
    return list(of_requests(results, has_compiled=is_compiled(ROOT)))


def of_requests(results: Results, *, has_compiled: bool) -> Iterator[Measured]:
    """In the order of REQUESTS."""
    compiled, pure = (UVICORN, UVICORN + PURE) if has_compiled else ("", UVICORN)
    go = next((name for name in results if name.startswith(GO)), GO)
    for name in (compiled, pure):
        yield _cpu(results, name)
    yield _divided(_cpu(results, DAPHNE), _cpu(results, UVICORN))
    for name, other in ((compiled, go), (pure, go)):
        yield _divided(_rate(results, name), _rate(results, other))
    for other in (RUST_LATER, RUST_FIRST, PORTKEY, LITELLM):
        yield _divided(_rate(results, UVICORN), _rate(results, other))
    reason = _why_not(results, UVICORN)
    yield reason or results[UVICORN].p50(1) - results[DIRECT].p50(1)


def _why_not(results: Results, name: str) -> str:
    """Empty when it was measured."""
    if not name:
        return "nothing is compiled here"
    if name not in results:
        return f"there is no {name}"
    return results[name].failure


def _cpu(results: Results, name: str) -> Measured:
    return _why_not(results, name) or results[name].cpu_us(BUSY)


def _rate(results: Results, name: str) -> Measured:
    return _why_not(results, name) or results[name].rate(BUSY)


def _divided(figure: Measured, other: Measured) -> Measured:
    if isinstance(figure, str):
        return figure
    return other if isinstance(other, str) else figure / other


def _growth() -> Sequence[Measured]:
    cases = (growth.FIRST, *growth.KEYS, growth.UNLIMITED, growth.LIMITED)
    found = growth.measure(cases, PLAN.rounds, GROWTH_SECONDS)
    return [*(growth.ratio(found, case) for case in growth.KEYS), growth.limits_us(found)]


def _streams() -> Sequence[Measured]:
    raise_file_limit()
    values: list[Measured] = []
    with stream_upstream.upstream() as upstream:
        for server in ("uvicorn", "daphne"):
            with streams.streaming_gateway(server, upstream) as contestant:
                idle_mb = contestant.rss_mb()
                levels = [
                    streams.level(contestant, idle_mb, STREAMS, STREAM_SECONDS)
                    for _ in range(STREAM_ROUNDS)
                ]
            if failed := sum(level.figures.errors for level in levels):
                values += [f"{failed} streams failed"] * 4
                continue
            figures = [level.figures for level in levels]
            values += [
                median(each.first_p50 for each in figures),
                median(each.first_p99 for each in figures),
                median(each.per_second for each in figures),
                median(level.kb_a_stream for level in levels),
            ]
    return values


def _refusals() -> Sequence[Measured]:
    with stream_upstream.upstream() as upstream:
        cost = refusal_cost.measure(upstream)
    return [f"{cost.failures} clients were refused" if cost.failures else cost.refusal_ms]


def _idle() -> Sequence[Measured]:
    with nginx.upstream() as upstream:
        found = list(idle.processes(upstream, IDLE_SECONDS))
    by_name = {each.name: each.rss_mb for each in found}
    return [by_name[name] for name in ("uvicorn", "daphne", idle.SUPERVISOR)]
