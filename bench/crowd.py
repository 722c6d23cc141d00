"""2,000 streams that begin at once, of this checkout and of another one in turn (README.md).

Once as a process's first ones (cold: each opens a connection to the upstream) and once more (warm).
"""

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import contestants, stream_client, stream_upstream
from bench.checkouts import Checkout
from bench.process import end_on_sigterm, raise_file_limit
from bench.report import table
from bench.stream_client import StreamFigures

COLD, WARM = "cold", "warm"


@dataclass(frozen=True)
class CrowdTurn:
    figures: StreamFigures
    cpu_seconds: float


Found = Mapping[tuple[str, str], list[CrowdTurn]]


def main() -> int:
    given = _arguments()
    end_on_sigterm()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="bench-crowd-") as name:
        checkouts = {"here": Checkout(contestants.ROOT, Path(name) / "here")}
        if given.other:
            checkouts["other"] = Checkout(given.other.resolve(), Path(name) / "other")
        print("\n".join(_lines(measure(checkouts, given))))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    parser.add_argument("other", type=Path, nargs="?", help="the checkout to compare with")
    parser.add_argument("--server", choices=("uvicorn", "daphne"), default="uvicorn")
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3, help="new processes of each (3)")
    parser.add_argument("--seconds", type=float, default=2.5, help="of a stream (2.5)")
    return parser.parse_args()


def measure(checkouts: Mapping[str, Checkout], given: argparse.Namespace) -> Found:
    found: dict[tuple[str, str], list[CrowdTurn]] = defaultdict(list)
    names = list(checkouts)
    with stream_upstream.upstream() as upstream:
        for _ in range(given.rounds):
            for name in names:
                with checkouts[name].started(given.server, upstream) as contestant:
                    stream_client.measure(contestant.url, 1, 1.0)
                    for kind in (COLD, WARM):
                        used = contestant.process.cpu_seconds()
                        figures = stream_client.measure(
                            contestant.url, given.streams, given.seconds
                        )
                        used = contestant.process.cpu_seconds() - used
                        found[name, kind].append(CrowdTurn(figures, used))
            names.reverse()
    return found


def _lines(found: Found) -> Iterator[str]:
    head = ["", "first event p50 (ms)", "p99", "events/s", "worst gap", "CPU s", "errors"]
    yield from table(head, (_row(name, kind, turns) for (name, kind), turns in found.items()))
    yield ""
    yield f"Load average at the end: {os.getloadavg()[0]:.2f}"


def _row(name: str, kind: str, turns: list[CrowdTurn]) -> list[str]:
    all_figures = [turn.figures for turn in turns]
    return [
        f"{name}, {kind}",
        f"{median(each.first_p50 for each in all_figures):,.0f}",
        f"{median(each.first_p99 for each in all_figures):,.0f}",
        f"{median(each.per_second for each in all_figures):,.0f}",
        f"{median(each.worst_gap for each in all_figures):,.0f}",
        f"{median(turn.cpu_seconds for turn in turns):.2f}",
        str(sum(each.errors for each in all_figures)),
    ]


if __name__ == "__main__":
    sys.exit(main())
