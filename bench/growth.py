"""(h) What grows: keys, client tokens with and without limits, connections. CPU a request of each.

All gateways run at once and take turns; each is compared with the first, which has ten keys, no
token and 32 connections.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench import contestants, nginx
from bench.contestants import Contestant, manage
from bench.load import LoadFailed, Sample, check, wrk
from bench.process import CONTESTANT_CORES, raise_file_limit
from bench.report import BenchTarget, Section, at_most, table

WARM_UP_SECONDS = 3.0
RAMP_SECONDS = 6.0
"""More where thousands of connections have to be opened first, which costs too."""
START_SECONDS = 40.0
KEYS_RATIO = 1.1
LIMITS_US = 30.0
SERVER = "uvicorn"
MAKE_TOKENS = """
from django.conf import settings
from proxyapp.access.token_book import masked_token, new_token, token_hash
from proxyapp.models import ClientToken
from proxyapp.pool.cursor import raise_pool_version
texts = [new_token() for _ in range({count})]
ClientToken.objects.bulk_create([
    ClientToken(
        name="bench-%05d" % number,
        token_hash=token_hash(text, settings.SECRET_KEY),
        masked=masked_token(text),
        **{limits},
    )
    for number, text in enumerate(texts)
], batch_size=500)
raise_pool_version()
print("\\n".join(texts))
"""


@dataclass(frozen=True)
class GrowthCase:
    name: str
    keys: int = 10
    tokens: int = 0
    is_limited: bool = False
    connections: int = 32


FIRST = GrowthCase("10 keys")
KEYS = (GrowthCase("10,000 keys", keys=10_000), GrowthCase("50,000 keys", keys=50_000))
UNLIMITED = GrowthCase("5,000 tokens", tokens=5000)
LIMITED = GrowthCase("5,000 tokens with limits", tokens=5000, is_limited=True)
CONNECTIONS = GrowthCase("5,000 connections", connections=5000)
CASES = (FIRST, *KEYS, UNLIMITED, LIMITED, CONNECTIONS)
LIMITS = {
    "requests_per_minute": 10**8,
    "requests_per_day": 10**9,
    "tokens_per_day": 10**14,
}
Growth = dict[GrowthCase, list[Sample]]


def run(seconds_budget: float) -> Section:
    rounds = 3 if seconds_budget >= START_SECONDS + 60 else 1
    turn = (seconds_budget - START_SECONDS) / rounds / len(CASES)
    found = measure(CASES, rounds, min(3.0, max(1.0, turn)))
    return Section("(h) Growth", _lines(found, rounds), list(targets(found)))


def measure(cases: Sequence[GrowthCase], rounds: int, seconds: float) -> Growth:
    """Raises LoadFailed where a request of one of them failed."""
    raise_file_limit()
    found: Growth = defaultdict(list)
    with nginx.upstream() as upstream, ExitStack() as stack:
        first = stack.enter_context(started(FIRST, upstream))
        apart = {case: stack.enter_context(started(case, upstream)) for case in _apart(cases)}
        standing = {case: apart.get(case, first) for case in cases}
        for contestant in (first, *apart.values()):
            wrk(contestant, 32, WARM_UP_SECONDS)
        for _ in range(rounds):
            for case, contestant in standing.items():
                found[case].append(_turn(case, contestant, seconds))
    return found


def _apart(cases: Sequence[GrowthCase]) -> Iterator[GrowthCase]:
    """Those that take a gateway of their own."""
    return (case for case in cases if (case.keys, case.tokens) != (FIRST.keys, FIRST.tokens))


@contextmanager
def started(case: GrowthCase, upstream: str) -> Iterator[Contestant]:
    config = {"groups": [contestants.group(upstream, case.keys)]}
    with (
        tempfile.TemporaryDirectory(prefix="bench-growth-") as name,
        contestants.gateway(SERVER, config, cores=CONTESTANT_CORES, home=Path(name)) as contestant,
    ):
        check(contestant)
        yield replace(contestant, tokens=_tokens(case, Path(name))) if case.tokens else contestant


def _tokens(case: GrowthCase, home: Path) -> Path:
    """A file of them. The gateway hears of them within the second that warms it up."""
    code = MAKE_TOKENS.format(count=case.tokens, limits=LIMITS if case.is_limited else {})
    path = home / "tokens"
    path.write_text(manage(home, "shell", "--no-imports", "-c", code))
    return path


def _turn(case: GrowthCase, contestant: Contestant, seconds: float) -> Sample:
    longer = RAMP_SECONDS if case.connections > FIRST.connections else 0.0
    sample = wrk(contestant, case.connections, seconds + longer)
    if sample.errors:
        raise LoadFailed(f"{case.name}: {sample.errors} of {sample.requests} requests failed")
    return sample


def used_us(found: Growth, case: GrowthCase) -> float:
    return median(sample.cpu_us for sample in found[case])


def ratio(found: Growth, case: GrowthCase) -> float:
    """Of the same round, to the first case."""
    pairs = zip(found[case], found[FIRST], strict=True)
    return median(sample.cpu_us / first.cpu_us for sample, first in pairs)


def limits_us(found: Growth) -> float:
    """What a request costs more with limits."""
    return used_us(found, LIMITED) - used_us(found, UNLIMITED)


def _lines(found: Growth, rounds: int) -> list[str]:
    rows = [
        [
            case.name,
            f"{used_us(found, case):,.1f}",
            f"{ratio(found, case):.2f}",
            f"{median(sample.per_second for sample in samples):,.0f}",
            f"{median(sample.p99_ms for sample in samples):,.0f}",
        ]
        for case, samples in found.items()
    ]
    return [
        (
            f"{SERVER}, one process on SQLite, 32 connections unless it is said, medians of"
            f" {rounds}. The tokens are used in turn; the limits (requests a minute, requests and"
            " LLM tokens a day) are never reached."
        ),
        "",
        *table(["", "CPU µs a request", "of 10 keys'", "requests/s", "p99 (ms)"], rows),
    ]


def targets(found: Growth) -> Iterator[BenchTarget]:
    for case in KEYS:
        name = f"{case.name} against 10: CPU a request"
        yield at_most(name, KEYS_RATIO, ratio(found, case), "x")
    name = "5,000 tokens: CPU a request that limits add"
    yield at_most(name, LIMITS_US, limits_us(found), "µs")


if __name__ == "__main__":
    print(run(float(sys.argv[1])).markdown())
