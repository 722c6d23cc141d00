"""(a) Small JSON answers at 1, 32 and 256 connections: requests a second, and the latency that a
contestant adds.

All contestants run the whole time and take turns: a slow minute of the machine hits all of them. A
contestant that was slow when it warmed up is measured for longer, so that each of its connections
is answered a few times.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from statistics import median

from bench import contestants, plot
from bench.contestants import Contestant, Endpoint
from bench.load import LoadFailed, Sample, check, wrk
from bench.process import CONTESTANT_CORES, CORES, StartFailed
from bench.report import BenchTarget, Section, at_least, at_most, brief, not_measured, table

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

DIRECT = "direct"
NGINX = "nginx as a proxy"
DAPHNE = "gateway, Daphne"
UVICORN = "gateway, uvicorn"
LITELLM = "LiteLLM"
PORTKEY = "Portkey"
STOCK = "stock Django and httpx"
UNPINNED = ", not pinned"
TWO = ", 2 processes, not pinned"

Starter = Callable[[], AbstractContextManager[Contestant]]


@dataclass
class ThroughputFigures:
    """What was measured of one contestant, by the number of connections."""

    samples: dict[int, list[Sample]] = field(
        default_factory=lambda: {count: [] for count in CONNECTIONS}
    )
    failure: str = ""

    def rate(self, connections: int) -> float:
        return median(sample.per_second for sample in self.samples[connections])

    def p50(self, connections: int) -> float:
        return median(sample.p50_ms for sample in self.samples[connections])

    def p99(self, connections: int) -> float:
        return median(sample.p99_ms for sample in self.samples[connections])

    def errors(self) -> int:
        return sum(sample.errors for samples in self.samples.values() for sample in samples)

    def spread(self, connections: int) -> float:
        """How far the rounds lie apart, as a part of their median."""
        rates = [sample.per_second for sample in self.samples[connections]]
        return (max(rates) - min(rates)) / median(rates)


Results = dict[str, ThroughputFigures]


def starters(upstream: str) -> dict[str, Starter]:
    config = {"groups": [contestants.group(upstream)]}
    return {
        NGINX: lambda: contestants.nginx_proxy(upstream),
        DAPHNE: lambda: contestants.gateway("daphne", config, cores=CONTESTANT_CORES),
        UVICORN: lambda: contestants.gateway("uvicorn", config, cores=CONTESTANT_CORES),
        DAPHNE + UNPINNED: lambda: contestants.gateway("daphne", config),
        DAPHNE + TWO: lambda: contestants.gateway("daphne", config, workers=2),
        UVICORN + UNPINNED: lambda: contestants.gateway("uvicorn", config),
        UVICORN + TWO: lambda: contestants.gateway("uvicorn", config, workers=2),
        LITELLM: lambda: contestants.litellm(upstream),
        PORTKEY: lambda: contestants.portkey(upstream),
        STOCK: lambda: contestants.stock(upstream),
    }


def measure(
    upstream: str,
    missing: Mapping[str, str],
    *,
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> Results:
    """A contestant that is `missing`, does not start or does not answer has a `failure` instead of
    samples.
    """
    results: Results = {DIRECT: ThroughputFigures()}
    with ExitStack() as stack:
        standing: dict[str, Endpoint] = {DIRECT: Endpoint(name=DIRECT, url=upstream)}
        for name, start in starters(upstream).items():
            results[name] = ThroughputFigures(failure=missing.get(name, ""))
            if not results[name].failure:
                results[name].failure = _joins(standing, name, stack, start)
            if results[name].failure:
                say(f"  {name}: not measured: {results[name].failure}")
        _take_turns(standing, results, rounds=rounds, seconds=seconds, say=say)
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


def drawn(results: Results) -> str:
    """The plot of what was measured, without the two that only say what is possible."""
    rates = {
        name: figures.rate(32)
        for name, figures in _measured(results)
        if name not in (DIRECT, NGINX)
    }
    return plot.svg(rates, limit=results[NGINX].rate(32) if is_measured(results[NGINX]) else None)


def _take_turns(
    standing: dict[str, Endpoint],
    results: Results,
    *,
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> None:
    pace = dict(_warm_up(standing, results))
    names = list(pace)
    for number in range(rounds):
        started = time.monotonic()
        for name in names:
            _settle(standing)
            _turn(standing[name], results[name], pace[name], seconds)
        names = names[1:] + names[:1]  # Nobody always comes after the same one.
        say(f"  round {number + 1} of {rounds} took {time.monotonic() - started:.0f} s")


def _settle(standing: dict[str, Endpoint]) -> None:
    """Until all are idle: a slow one goes on with what its clients no longer wait for, on the next
    one's core.
    """
    processes = [each.process for each in standing.values() if isinstance(each, Contestant)]
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        before = sum(process.cpu_seconds() for process in processes)
        time.sleep(SETTLE_STEP_SECONDS)
        if (
            sum(process.cpu_seconds() for process in processes) - before
            < IDLE_SHARE * SETTLE_STEP_SECONDS
        ):
            return


def _turn(contestant: Endpoint, figures: ThroughputFigures, pace: float, seconds: float) -> None:
    """All numbers of connections, after a second that does not count: an idle process is slow at
    first.
    """
    try:
        wrk(contestant, 32, LEAD_IN_SECONDS)
        for connections in CONNECTIONS:
            needed = ANSWERS_PER_CONNECTION * connections / max(pace, 1.0)
            least = seconds + RAMP_SECONDS * (connections == max(CONNECTIONS))
            figures.samples[connections].append(
                wrk(contestant, connections, min(max(least, needed), MAX_SECONDS))
            )
    except LoadFailed as error:
        figures.failure = brief(error)


def _warm_up(standing: dict[str, Endpoint], results: Results) -> Iterator[tuple[str, float]]:
    """The requests a second of each contestant that stands it."""
    for name, contestant in standing.items():
        try:
            cold = wrk(contestant, 32, 1.0).per_second
            yield (
                name,
                wrk(
                    contestant, 32, min(WARM_UP_REQUESTS / max(cold, 1.0), WARM_UP_SECONDS)
                ).per_second,
            )
        except LoadFailed as error:
            results[name].failure = brief(error)


def is_measured(figures: ThroughputFigures) -> bool:
    return not figures.failure and all(figures.samples.values())


def section(results: Results, rounds: int, seconds: float) -> Section:
    return Section(
        "(a) Small JSON answers",
        [*_method(rounds, seconds), "", *_tables(results)],
        list(_targets(results)),
    )


def _method(rounds: int, seconds: float) -> Iterator[str]:
    yield (
        f"Medians of {rounds} rounds of at least {seconds:g} s each; in a round every contestant"
        " has its turn, with"
    )
    yield (
        "every number of connections (`wrk -t1`, POST, a 0.6 KB answer). *Added* is a contestant's"
        " latency minus that"
    )
    yield (
        "of the upstream asked directly, at the same number of connections: with 32 or 256 of them"
        " a request mostly"
    )
    yield "waits for its turn, so the figures at 1 connection are what a single request pays."
    yield ""
    if len(CORES) < 2:
        yield "This machine has one core: load generator, upstream and contestant share it."
        return
    yield (
        "The load generator and the upstream share one core, and the contestant has another one for"
        " itself. What is"
    )
    yield (
        f"*not pinned* has {len(CORES)} cores together with the load generator and the upstream:"
        " where that is 2, two"
    )
    yield "processes cannot reach twice the rate of one."


def _tables(results: Results) -> Iterator[str]:
    head = [
        "contestant",
        *(f"{count} conn., requests/s" for count in CONNECTIONS),
        "of nginx",
        "x LiteLLM",
        "x Portkey",
    ]
    yield from table([*head, "x stock", "spread at 32", "errors"], _rates(results))
    yield ""
    head = [
        "added latency in ms",
        *(f"{count} conn., {p}" for count in CONNECTIONS for p in ("p50", "p99")),
    ]
    yield from table(head, _latencies(results))
    for name, figures in results.items():
        if not is_measured(figures):
            yield f"\n{name}: not measured: {figures.failure}"


def _rates(results: Results) -> Iterator[list[str]]:
    for name, figures in _measured(results):
        rates = [f"{figures.rate(count):,.0f}" for count in CONNECTIONS]
        ratios = [_ratio(results, name, other) for other in (NGINX, LITELLM, PORTKEY, STOCK)]
        share = "-" if ratios[0] is None else f"{ratios[0]:.1%}"
        others = ["-" if ratio is None else f"{ratio:.2f}" for ratio in ratios[1:]]
        errors = f"**{figures.errors()}**" if figures.errors() else "0"
        yield [name, *rates, share, *others, f"{figures.spread(32):.0%}", errors]


def _latencies(results: Results) -> Iterator[list[str]]:
    direct = results[DIRECT]
    for name, figures in _measured(results):
        if name == DIRECT:
            own = [
                f"{each(count):.2f}" for count in CONNECTIONS for each in (direct.p50, direct.p99)
            ]
            yield ["direct (its own latency)", *own]
            continue
        cells = []
        for count in CONNECTIONS:
            cells += [
                figures.p50(count) - direct.p50(count),
                figures.p99(count) - direct.p99(count),
            ]
        yield [name, *(f"{cell:.2f}" for cell in cells)]


def _measured(results: Results) -> Iterable[tuple[str, ThroughputFigures]]:
    return ((name, figures) for name, figures in results.items() if is_measured(figures))


def _ratio(results: Results, name: str, other: str, connections: int = 32) -> float | None:
    """None where one of them was not measured."""
    if not is_measured(results[name]) or not is_measured(results[other]):
        return None
    return results[name].rate(connections) / results[other].rate(connections)


def _targets(results: Results) -> Iterator[BenchTarget]:
    wanted = [
        (DAPHNE, LITELLM, 20),
        (DAPHNE, PORTKEY, 1.5),
        (UVICORN, PORTKEY, 2.5),
        (UVICORN, STOCK, 10),
    ]
    for name, other, floor in wanted:
        yield _ratio_target(results, f"requests/s at 32: {name} / {other}", name, other, floor)
    yield _ratio_target(results, f"the aim: {UVICORN} / {PORTKEY}", UVICORN, PORTKEY, 4)
    for name in (UVICORN, DAPHNE):
        label = f"{name}: 2 processes / 1 ({len(CORES)} cores, shared with the load)"
        yield _ratio_target(results, label, name + TWO, name + UNPINNED, 1.7)
    yield from _latency_targets(results)
    errors = sum(results[name].errors() for name in results if name.startswith("gateway"))
    yield BenchTarget("errors of the gateway in (a)", "0", str(errors), errors == 0)


def _ratio_target(results: Results, label: str, name: str, other: str, floor: float) -> BenchTarget:
    ratio = _ratio(results, name, other)
    if ratio is None:
        missing = next(each for each in (name, other) if not is_measured(results[each]))
        return not_measured(label, f"≥ {floor:g} x", missing)
    return at_least(label, floor, ratio)


def _latency_targets(results: Results) -> Iterator[BenchTarget]:
    direct, figures = results[DIRECT], results[UVICORN]
    for label, ceiling in (("p50", 1.5), ("p99", 5.0)):
        name = f"added latency at 1 connection, {UVICORN}, {label}"
        if not is_measured(figures) or not is_measured(direct):
            yield not_measured(name, f"≤ {ceiling:g} ms", UVICORN)
        else:
            added = (
                figures.p50(1) - direct.p50(1) if label == "p50" else figures.p99(1) - direct.p99(1)
            )
            yield at_most(name, ceiling, added, "ms")
