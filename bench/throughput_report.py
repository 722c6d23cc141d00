"""What RESULTS.md says of (a): the tables, the plot, and the targets that were met or missed."""

from collections.abc import Iterable, Iterator

from bench import peer_binaries, plot
from bench.checkouts import is_compiled
from bench.contestants import ROOT
from bench.lineup import (
    DAPHNE,
    DIRECT,
    LITELLM,
    NGINX,
    PORTKEY,
    PURE,
    SOCKETS,
    STOCK,
    TENSORZERO,
    TWO,
    UNPINNED,
    UVICORN,
)
from bench.process import CORES
from bench.report import BenchTarget, Section, at_least, at_most, not_measured, table
from bench.throughput import Results, ThroughputFigures, ThroughputPlan

PEERS = (LITELLM, PORTKEY, TENSORZERO, STOCK)


def section(results: Results, plan: ThroughputPlan) -> Section:
    return Section(
        "(a) Small JSON answers",
        [*_method(plan), "", *_tables(results, plan)],
        list(_targets(results, plan)),
    )


def _method(plan: ThroughputPlan) -> Iterator[str]:
    yield (
        f"Medians of {plan.rounds} rounds of at least {plan.seconds:g} s each; in a round every"
        " contestant has its turn, with every number of connections (`wrk -t1`, POST, a 0.6 KB"
        " answer). *CPU* is user and system time of all of a contestant's processes, by answered"
        " request: rates vary by a fifth from run to run, it by a few hundredths. *Added* is a"
        " contestant's latency minus that of the upstream asked directly, at the same number of"
        " connections: with 32 or 256 of them a request mostly waits for its turn, so the figures"
        " at 1 connection are what a single request pays."
    )
    yield ""
    yield (
        "The gateway runs compiled; *pure* is the same code without its compiled modules."
        if is_compiled(ROOT)
        else "The gateway runs as pure Python: nothing is compiled here."
    )
    yield ""
    yield f"Of other peers, {peer_binaries.looked_for()}."
    yield ""
    if len(CORES) < 2:
        yield "This machine has one core: load generator, upstream and contestant share it."
        return
    yield (
        "The load generator and the upstream share one core, and the contestant has another one"
        f" for itself. What is *not pinned* has {len(CORES)} cores together with the load generator"
        " and the upstream: where that is 2, two processes cannot reach twice the rate of one."
    )


def _tables(results: Results, plan: ThroughputPlan) -> Iterator[str]:
    head = ["contestant", "CPU µs a request at 32"]
    head += [f"{count} conn., requests/s" for count in plan.connections]
    head += ["of nginx", *(f"x {name.split()[0]}" for name in PEERS if name in results)]
    yield from table([*head, "spread at 32", "errors"], _rates(results, plan))
    yield ""
    head = [
        "added latency in ms",
        *(f"{count} conn., {p}" for count in plan.connections for p in ("p50", "p99")),
    ]
    yield from table(head, _latencies(results, plan))
    for name, figures in results.items():
        if not figures.is_measured:
            yield f"\n{name}: not measured: {figures.failure}"


def _rates(results: Results, plan: ThroughputPlan) -> Iterator[list[str]]:
    for name, figures in _measured(results):
        used = "-" if name == DIRECT else f"{figures.cpu_us(32):,.1f}"
        rates = [f"{figures.rate(count):,.0f}" for count in plan.connections]
        of_nginx = _ratio(results, name, NGINX)
        share = "-" if of_nginx is None else f"{of_nginx:.1%}"
        ratios = [_ratio(results, name, other) for other in PEERS if other in results]
        others = ["-" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        errors = f"**{figures.errors()}**" if figures.errors() else "0"
        yield [name, used, *rates, share, *others, f"{figures.spread(32):.0%}", errors]


def _latencies(results: Results, plan: ThroughputPlan) -> Iterator[list[str]]:
    direct = results[DIRECT]
    for name, figures in _measured(results):
        cells = []
        for count in plan.connections:
            is_own = name == DIRECT
            cells += [
                figures.p50(count) - (0.0 if is_own else direct.p50(count)),
                figures.p99(count) - (0.0 if is_own else direct.p99(count)),
            ]
        yield [
            "direct (its own latency)" if name == DIRECT else name,
            *(f"{cell:.2f}" for cell in cells),
        ]


def _measured(results: Results) -> Iterable[tuple[str, ThroughputFigures]]:
    return ((name, figures) for name, figures in results.items() if figures.is_measured)


def _ratio(results: Results, name: str, other: str, connections: int = 32) -> float | None:
    """None where one of them was not measured."""
    if not all(each in results and results[each].is_measured for each in (name, other)):
        return None
    return results[name].rate(connections) / results[other].rate(connections)


def _targets(results: Results, plan: ThroughputPlan) -> Iterator[BenchTarget]:
    wanted = [
        (DAPHNE, LITELLM, 20),
        (DAPHNE, PORTKEY, 1.5),
        (UVICORN, PORTKEY, 2.5),
        (UVICORN, STOCK, 10),
    ]
    for name, other, floor in wanted:
        if plan.takes(other):
            label = f"requests/s at 32: {name} / {other}"
            yield _ratio_target(results, label, name, other, floor)
    for name in (UVICORN, DAPHNE):
        if plan.takes(name + TWO):
            label = f"{name}: 2 processes / 1 ({len(CORES)} cores, shared with the load)"
            yield _ratio_target(results, label, name + TWO, name + UNPINNED, 1.7)
    yield from _cpu_targets(results)
    yield from _latency_targets(results)
    errors = sum(results[name].errors() for name in results if name.startswith("gateway"))
    yield BenchTarget("errors of the gateway in (a)", "0", str(errors), errors == 0)


def _cpu_targets(results: Results) -> Iterator[BenchTarget]:
    """The one without compiled modules is `UVICORN` itself where nothing is compiled."""
    compiled, pure = (UVICORN, UVICORN + PURE) if is_compiled(ROOT) else (None, UVICORN)
    for name, kind, ceiling in ((compiled, "compiled", 50), (pure, "pure", 80)):
        label = f"CPU a request, 32 connections, uvicorn, {kind}"
        if name in results and results[name].is_measured:
            yield at_most(label, ceiling, results[name].cpu_us(32), "µs")


def _ratio_target(results: Results, label: str, name: str, other: str, floor: float) -> BenchTarget:
    ratio = _ratio(results, name, other)
    if ratio is None:
        missing = next(each for each in (name, other) if not results[each].is_measured)
        return not_measured(label, f"≥ {floor:g} x", missing)
    return at_least(label, floor, ratio)


def _latency_targets(results: Results) -> Iterator[BenchTarget]:
    direct, figures = results[DIRECT], results[UVICORN]
    for label, ceiling in (("p50", 1.5), ("p99", 5.0)):
        name = f"added latency at 1 connection, {UVICORN}, {label}"
        if not figures.is_measured or not direct.is_measured:
            yield not_measured(name, f"≤ {ceiling:g} ms", UVICORN)
        else:
            added = (
                figures.p50(1) - direct.p50(1) if label == "p50" else figures.p99(1) - direct.p99(1)
            )
            yield at_most(name, ceiling, added, "ms")


def drawn(results: Results) -> str:
    """The plot of what was measured, without those that only say what is possible."""
    rates = {
        name: figures.rate(32)
        for name, figures in _measured(results)
        if name not in (DIRECT, NGINX, SOCKETS)
    }
    return plot.svg(rates, limit=results[NGINX].rate(32) if results[NGINX].is_measured else None)
