"""The benchmark's table of figures, and what it makes of what was and was not measured."""

import pytest

from bench import figures
from bench.figures import REQUESTS, Wanted
from bench.lineup import DAPHNE, DIRECT, LITELLM, PORTKEY, PURE, UVICORN
from bench.load import Sample
from bench.throughput import Results, ThroughputFigures


def contestant(rate: float, cpu_us: float, p50_ms: float = 1.0) -> ThroughputFigures:
    made = ThroughputFigures()
    for connections in (1, 32):
        made.samples[connections] = [Sample(1000, rate, p50_ms, 5.0, 0, cpu_us)]
    return made


def results() -> Results:
    return {
        DIRECT: contestant(70_000, 0, 0.02),
        UVICORN: contestant(20_000, 48, 0.15),
        UVICORN + PURE: contestant(12_000, 75),
        DAPHNE: contestant(18_000, 51),
        "gpt-load-1.4": contestant(15_000, 60),
        LITELLM: contestant(100, 9000),
        PORTKEY: ThroughputFigures(failure="not installed: npm is missing"),
    }


def named(found: Results, *, has_compiled: bool = True) -> dict[str, float | str]:
    values = figures.of_requests(found, has_compiled=has_compiled)
    return {wanted.name: value for wanted, value in zip(REQUESTS, values, strict=True)}


def test_each_figure_is_of_the_contestants_that_its_name_says() -> None:
    found = named(results())

    assert found["CPU a request, 32 connections, 10 keys, compiled"] == 48
    assert found["the same, pure"] == 75
    assert found["the same, Daphne / uvicorn"] == 51 / 48
    assert found["requests/s / gpt-load (Go), compiled"] == 20_000 / 15_000
    assert found["requests/s / gpt-load (Go), pure"] == 12_000 / 15_000
    assert found["requests/s / LiteLLM"] == 200
    assert found["added latency at 1 connection, p50"] == pytest.approx(0.13)


def test_what_was_not_measured_says_why() -> None:
    found = named(results())

    assert found["requests/s / Portkey"] == "not installed: npm is missing"
    assert (
        found["requests/s / the Rust original, first version"] == "there is no gemini-proxy-first"
    )


def test_without_compiled_modules_the_gateway_is_the_pure_one() -> None:
    found = named(results(), has_compiled=False)

    assert found["CPU a request, 32 connections, 10 keys, compiled"] == "nothing is compiled here"
    assert found["the same, pure"] == 48
    assert found["requests/s / gpt-load (Go), pure"] == 20_000 / 15_000


@pytest.mark.parametrize(
    ("wanted", "value", "is_met"),
    [
        (Wanted("a", 50, "-", "µs"), 50.0, True),
        (Wanted("a", 50, "-", "µs"), 50.1, False),
        (Wanted("a", 1.25, "-", is_floor=True), 1.25, True),
        (Wanted("a", 1.25, "-", is_floor=True), 1.2, False),
        (Wanted("a", 1.25, "-", is_floor=True), "no program", False),
    ],
)
def test_a_figure_is_judged_by_its_limit(wanted: Wanted, value: float | str, is_met: bool) -> None:
    assert wanted.judged(value).met is is_met


def test_a_part_that_fails_is_told_in_each_of_its_rows() -> None:
    def fails() -> list[float | str]:
        raise RuntimeError("no room")

    rows = list(figures.rows_of(figures.GROWTH, fails))

    assert [row[3] for row in rows] == ["not measured: no room"] * len(figures.GROWTH)
