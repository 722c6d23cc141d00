"""CPU µs a request of this checkout, or of another one (before) beside it (after).

One worker on SQLite, 32 connections, POSTs that are answered with 0.6 KB. Both take turns in every
round, so that their ratio holds on a busy machine.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import contestants, install, nginx
from bench.checkouts import Checkout, is_compiled
from bench.contestants import Contestant
from bench.load import LoadFailed, Sample, check, wrk
from bench.process import StartFailed, end_on_sigterm
from bench.report import brief, table

CONNECTIONS = 32
WARM_UP_SECONDS = 2.0
Samples = Mapping[str, Sequence[Sample]]


def main() -> int:
    given = _arguments()
    end_on_sigterm()
    try:
        install.tools(print)
        with tempfile.TemporaryDirectory(prefix="bench-cpu-") as home:
            found = measure(_checkouts(given, Path(home)), given)
    except (install.InstallFailed, StartFailed, LoadFailed) as error:
        print(brief(error), file=sys.stderr)
        return 1
    print("\n".join(report(found)))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.cpu", description=__doc__)
    other = parser.add_mutually_exclusive_group()
    other.add_argument("other", type=Path, nargs="?", help="the checkout to compare with")
    other.add_argument(
        "--pure", action="store_true", help="compare with this one without its compiled modules"
    )
    parser.add_argument("--server", choices=("uvicorn", "daphne"), default="uvicorn")
    parser.add_argument("--keys", type=int, default=10, help="of the one group (10)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each checkout (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn (3)")
    given = parser.parse_args()
    if given.other and not (given.other / "manage.py").is_file():
        parser.error(f"there is no manage.py in {given.other}")
    if given.pure and not is_compiled(contestants.ROOT):
        parser.error("nothing is compiled in this checkout: run `make compile` first")
    return given


def _checkouts(given: argparse.Namespace, home: Path) -> Mapping[str, Checkout]:
    here = Checkout(contestants.ROOT, home / "here")
    if given.pure:
        pure = Checkout(contestants.ROOT, home / "pure", is_pure=True)
        return {"pure": pure, "compiled": here}
    if given.other is None:
        return {f"here, {here.kind}": here}
    other = Checkout(given.other.resolve(), home / "other")
    return {f"before, {other.kind}": other, f"after, {here.kind}": here}


def measure(checkouts: Mapping[str, Checkout], given: argparse.Namespace) -> Samples:
    """By name, a sample a round."""
    samples: dict[str, list[Sample]] = {name: [] for name in checkouts}
    with ExitStack() as stack:
        upstream = stack.enter_context(nginx.upstream())
        running: dict[str, Contestant] = {}
        for name, checkout in checkouts.items():
            running[name] = stack.enter_context(
                checkout.started(given.server, upstream, given.keys)
            )
            check(running[name])
            wrk(running[name], CONNECTIONS, WARM_UP_SECONDS)
        names = list(checkouts)
        for _ in range(max(1, given.rounds)):
            for name in names:
                samples[name].append(_turn(running[name], given.seconds))
            names.reverse()
    return samples


def _turn(contestant: Contestant, seconds: float) -> Sample:
    sample = wrk(contestant, CONNECTIONS, seconds)
    if sample.errors:
        raise LoadFailed(f"{contestant.name}: {sample.errors} errors under load")
    return sample


def report(found: Samples) -> Iterator[str]:
    head = ["", "CPU µs a request", "least", "most", "requests/s"]
    yield from table(head, (_row(name, samples) for name, samples in found.items()))
    yield ""
    if len(found) == 2:
        (before, old), (after, new) = found.items()
        ratios = [mine.cpu_us / other.cpu_us for other, mine in zip(old, new, strict=True)]
        yield (
            f"{after} / {before}, CPU a request of the same round: {median(ratios):.3f}"
            f" ({min(ratios):.3f} to {max(ratios):.3f})"
        )
    yield f"Load average at the end: {os.getloadavg()[0]:.2f}"


def _row(name: str, samples: Sequence[Sample]) -> list[str]:
    used = [sample.cpu_us for sample in samples]
    rate = median(sample.per_second for sample in samples)
    return [name, *(f"{each:.1f}" for each in (median(used), min(used), max(used))), f"{rate:,.0f}"]


if __name__ == "__main__":
    sys.exit(main())
