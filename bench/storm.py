"""Scenario (d): a quarter of 1,000 keys is spent, and 64 clients ask at once."""

import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import refusal_cost, stream_upstream
from bench.contestants import gateway
from bench.process import CONTESTANT_CORES
from bench.report import BenchTarget, Section, table
from bench.storm_clients import CLIENTS, StormAnswers, ask
from bench.stream_upstream import SPENT

SERVERS = ("daphne", "uvicorn")
KEYS = 1000
FEW_KEYS = 4
LONGEST_SECONDS = 4.0
STARTING_SECONDS = 6.0


@dataclass(frozen=True)
class Storm:
    """One storm, from its first request to its last.

    `refusals` and `events`: how many each spent key got from the upstream in all, and into the
    database. `late_refusals`: those of all keys after the first round.
    """

    during: StormAnswers
    after: StormAnswers
    refusals: list[int]
    events: list[int]
    late_refusals: int

    @property
    def refusals_per_key(self) -> float:
        return sum(self.refusals) / len(self.refusals)

    @property
    def failures(self) -> int:
        return self.during.failures + self.after.failures


def storm(server: str, upstream: str, keys: int, spent: int, seconds: float) -> Storm:
    """During: as many requests as there are good keys, so that every spent key has its turn.

    After: at full speed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-storm-") as home:
        database = Path(home) / "db.sqlite3"
        config = {"groups": [group(upstream, keys, spent)]}
        env = {"DATABASE_URL": f"sqlite:///{database}"}
        with gateway(server, config, env=env, cores=CONTESTANT_CORES) as contestant:
            stream_upstream.counts(upstream)
            during = ask(contestant.url, requests=max(keys - spent, CLIENTS), seconds=30)
            first = refusals(upstream)
            after = ask(contestant.url, seconds=seconds)
        later = refusals(upstream)
        by_key = list((first + later).values())
        return Storm(
            during, after, padded(by_key, spent), padded(events(database), spent), later.total()
        )


def refusals(upstream: str) -> Counter[str]:
    """The 429s by key since the last call."""
    return Counter(
        {
            key: count
            for key, count in stream_upstream.counts(upstream).items()
            if key.endswith(SPENT)
        }
    )


def padded(counts: list[int], length: int) -> list[int]:
    return sorted(counts) + [0] * (length - len(counts))


def group(upstream: str, keys: int, spent: int) -> dict[str, Any]:
    """The spent keys lie evenly between the good ones."""
    every = keys / spent
    places = {int(number * every) for number in range(spent)}
    names = [f"bench-storm-{number:04}{SPENT * (number in places)}" for number in range(keys)]
    return {"name": "storm", "target_url": upstream, "auth": "google", "api_keys": names}


def events(database: Path) -> list[int]:
    """How many each key has."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT COUNT(*) FROM proxyapp_ratelimitevent GROUP BY key_id")
        return [row[0] for row in rows]


def run(seconds_budget: float) -> Section:
    seconds = min(LONGEST_SECONDS, max(1.0, seconds_budget / 4 - STARTING_SECONDS))
    many, few = {}, {}
    with stream_upstream.upstream() as upstream:
        for server in SERVERS:
            many[server] = storm(server, upstream, KEYS, KEYS // 4, seconds)
            few[server] = storm(server, upstream, FEW_KEYS, FEW_KEYS - 1, 1.0)
        cost = refusal_cost.measure(upstream)
    lines = [*_lines(many, few), "", refusal_cost.told(cost)]
    return Section("(d) Storms of 429s", lines, [*_targets(many), refusal_cost.target(cost)])


def _lines(many: dict[str, Storm], few: dict[str, Storm]) -> list[str]:
    head = ["", "requests/s during", "p99 (ms)", "requests/s after", "p99 (ms)", "refused clients"]
    head += ["429s a spent key", "most", "events a spent key"]
    rows = [_row(f"{server}, {KEYS:,} keys", storm) for server, storm in many.items()]
    rows += [_row(f"{server}, {FEW_KEYS} keys", storm) for server, storm in few.items()]
    late = sum(storm.late_refusals for storm in (*many.values(), *few.values()))
    return [
        (
            f"{CLIENTS} clients; a quarter of {KEYS:,} keys is spent, and three of {FEW_KEYS}."
            " During: the first round over the keys. After: when every spent key is out."
        ),
        "",
        *table(head, rows),
        "",
        (
            f"With {FEW_KEYS} keys and {CLIENTS} clients, many requests are on their way with each"
            " key before the first answer says that it is spent: those are the 429s of the lower"
            f" rows. After the first round, {late} requests were sent with a spent key."
        ),
    ]


def _row(name: str, storm: Storm) -> list[str]:
    return [
        name,
        f"{storm.during.per_second:,.0f}",
        f"{storm.during.p99:.0f}",
        f"{storm.after.per_second:,.0f}",
        f"{storm.after.p99:.0f}",
        f"{storm.failures}",
        f"{storm.refusals_per_key:.2f}",
        f"{max(storm.refusals)}",
        f"{min(storm.events)} to {max(storm.events)}",
    ]


def _targets(storms: dict[str, Storm]) -> list[BenchTarget]:
    targets = []
    for server, storm in storms.items():
        answers = f"{storm.failures} of others"
        refusals = f"{storm.refusals_per_key:.2f}, most {max(storm.refusals)}"
        events = f"{min(storm.events)} to {max(storm.events)}"
        targets += [
            BenchTarget(
                f"Storm, {server}: clients get 200s only",
                "0 of others",
                answers,
                storm.failures == 0,
            ),
            BenchTarget(
                f"Storm, {server}: 429s a spent key", "1", refusals, set(storm.refusals) == {1}
            ),
            BenchTarget(
                f"Storm, {server}: events a spent key", "1", events, set(storm.events) == {1}
            ),
        ]
    return targets


if __name__ == "__main__":
    print(run(28).markdown())
