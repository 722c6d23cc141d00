"""Scenario (b): 100, 500 and 2,000 streams at once, of 20 events a second each."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from bench import stream_client, stream_upstream
from bench.contestants import Contestant, gateway, group
from bench.process import CONTESTANT_CORES, raise_file_limit
from bench.report import BenchTarget, Section, at_least, at_most, table
from bench.stream_client import StreamFigures

LEVELS = (100, 500, 2000)
SERVERS = ("daphne", "uvicorn")
DIRECT = "direct"
FIRST_EVENT_MS = {"daphne": 250, "uvicorn": 120}
MANY_P50_MS, MANY_P99_MS = 160, 700
MANY_EVENTS = 39_000
STREAM_KB = 30
LONGEST_SECONDS = 6.0
OVERHEAD_SECONDS = 2.0


@dataclass(frozen=True)
class Level:
    """One measurement.

    `kb_a_stream`: what the gateway's peak memory is above that of the idle process, by stream.
    """

    figures: StreamFigures
    kb_a_stream: float


Results = dict[tuple[str, int], list[Level]]


def run(seconds_budget: float) -> Section:
    raise_file_limit()
    rounds = 2 if seconds_budget >= 90 else 1
    seconds = min(LONGEST_SECONDS, max(1.5, seconds_budget / rounds / 9 - OVERHEAD_SECONDS))
    results: Results = defaultdict(list)
    idle: dict[str, float] = {}
    with stream_upstream.upstream() as upstream:
        for _ in range(rounds):
            for streams in LEVELS:
                results[DIRECT, streams].append(
                    Level(stream_client.measure(upstream, streams, seconds), 0.0)
                )
            for server in SERVERS:
                with streaming_gateway(server, upstream) as contestant:
                    idle[server] = contestant.rss_mb()
                    for streams in LEVELS:
                        results[server, streams].append(
                            level(contestant, idle[server], streams, seconds)
                        )
    return Section("(b) Streams", _lines(results, idle, seconds, rounds), _targets(results))


@contextmanager
def streaming_gateway(server: str, upstream: str) -> Iterator[Contestant]:
    with gateway(
        server, {"groups": [group(upstream, auth="google")]}, cores=CONTESTANT_CORES
    ) as contestant:
        stream_client.measure(contestant.url, 1, 1.0)
        yield contestant


def level(contestant: Contestant, idle_mb: float, streams: int, seconds: float) -> Level:
    contestant.process.reset_peak()
    figures = stream_client.measure(contestant.url, streams, seconds)
    return Level(figures, (contestant.process.peak_mb() - idle_mb) * 1000 / streams)


def _figure(levels: list[Level], name: str) -> float:
    return float(median(getattr(level.figures, name) for level in levels))


def _memory(levels: list[Level]) -> float:
    return float(median(level.kb_a_stream for level in levels))


def _errors(levels: list[Level]) -> int:
    return sum(level.figures.errors for level in levels)


def _lines(results: Results, idle: dict[str, float], seconds: float, rounds: int) -> list[str]:
    head = [
        "",
        "streams",
        "first event p50",
        "p99",
        "events/s",
        "sent",
        "worst gap",
        "errors",
        "KB a stream",
    ]
    rows = [
        _row(contestant, streams, results[contestant, streams])
        for streams in LEVELS
        for contestant in (DIRECT, *SERVERS)
    ]
    return [
        (
            f"Each stream is {seconds:.1f} s of {stream_upstream.EVENTS_PER_SECOND} events a second"
            f" of {len(stream_upstream.EVENT)} bytes; all start within"
            f" {stream_client.START_SECONDS} s, and the upstream sends the first event with its"
            f" head. Medians of {rounds}, errors and gaps of all; times in ms. `direct` has no"
            " gateway in between: what the load itself costs on its core."
        ),
        "",
        *table(head, rows),
        "",
        "KB a stream: peak of the gateway's resident memory above its idle memory after one"
        " stream ("
        + ", ".join(f"{server} {idle[server]:.0f} MB" for server in SERVERS)
        + "), by stream; the gateway served the smaller levels before.",
    ]


def _row(contestant: str, streams: int, levels: list[Level]) -> list[str]:
    worst_gap = max(level.figures.worst_gap for level in levels)
    return [
        contestant,
        f"{streams:,}",
        f"{_figure(levels, 'first_p50'):.1f}",
        f"{_figure(levels, 'first_p99'):.1f}",
        f"{_figure(levels, 'per_second'):,.0f}",
        f"{_figure(levels, 'sent_per_second'):,.0f}",
        f"{worst_gap:,.0f}",
        _failures(levels),
        "" if contestant == DIRECT else f"{_memory(levels):.1f}",
    ]


def _failures(levels: list[Level]) -> str:
    reasons = sorted({why for level in levels for why in level.figures.why})
    return f"{_errors(levels)} ({', '.join(reasons)})" if reasons else str(_errors(levels))


def _targets(results: Results) -> list[BenchTarget]:
    targets = []
    for server in SERVERS:
        first = _figure(results[server, 500], "first_p50")
        many = results[server, 2000]
        errors = _errors(many)
        label = f"2,000 streams, {server}:"
        targets += [
            at_most(f"500 streams, {server}: first event p50", FIRST_EVENT_MS[server], first, "ms"),
            at_most(f"{label} first event p50", MANY_P50_MS, _figure(many, "first_p50"), "ms"),
            at_most(f"{label} first event p99", MANY_P99_MS, _figure(many, "first_p99"), "ms"),
            at_least(
                f"{label} events of 40,000", MANY_EVENTS, _figure(many, "per_second"), "a second"
            ),
            BenchTarget(f"{label} errors", "0", str(errors), errors == 0),
            at_most(f"{label} memory a stream", STREAM_KB, _memory(many), "KB"),
        ]
    return targets


if __name__ == "__main__":
    print(run(36).markdown())
