"""What RESULTS.md says of (a): the tables, the plot, and the targets that were met or missed."""

from collections.abc import Iterable, Iterator

from bench import plot
from bench.process import CORES
from bench.report import BenchTarget, Section, at_least, at_most, not_measured, table
from bench.throughput import (
    CONNECTIONS,
    DAPHNE,
    DIRECT,
    LITELLM,
    NGINX,
    PORTKEY,
    STOCK,
    TWO,
    UNPINNED,
    UVICORN,
    Results,
    ThroughputFigures,
)


def section(results: Results, rounds: int, seconds: float) -> Section:
    return Section(
        "(a) Small JSON answers",
        [*_method(rounds, seconds), "", *_tables(results)],
        list(_targets(results)),
    )


def _method(rounds: int, seconds: float) -> Iterator[str]:
    yield (
        f"Medians of {rounds} rounds of at least {seconds:g} s each; in a round every contestant"
        " has its turn, with every number of connections (`wrk -t1`, POST, a 0.6 KB answer)."
        " *Added* is a contestant's latency minus that of the upstream asked directly, at the same"
        " number of connections: with 32 or 256 of them a request mostly waits for its turn, so"
        " the figures at 1 connection are what a single request pays."
    )
    yield ""
    if len(CORES) < 2:
        yield "This machine has one core: load generator, upstream and contestant share it."
        return
    yield (
        "The load generator and the upstream share one core, and the contestant has another one"
        f" for itself. What is *not pinned* has {len(CORES)} cores together with the load generator"
        " and the upstream: where that is 2, two processes cannot reach twice the rate of one."
    )


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
        if not figures.is_measured:
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
    return ((name, figures) for name, figures in results.items() if figures.is_measured)


def _ratio(results: Results, name: str, other: str, connections: int = 32) -> float | None:
    """None where one of them was not measured."""
    if not results[name].is_measured or not results[other].is_measured:
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
    """The plot of what was measured, without the two that only say what is possible."""
    rates = {
        name: figures.rate(32)
        for name, figures in _measured(results)
        if name not in (DIRECT, NGINX)
    }
    return plot.svg(rates, limit=results[NGINX].rate(32) if results[NGINX].is_measured else None)
