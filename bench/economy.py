"""Scenario (g): what the policies make of the same quotas in a simulated day. `bench.economy_day`
simulates it.

`python -m bench.economy` prints the table, as text and as Markdown; `--quick`: a tenth of the
quotas, and one hour.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from bench.contestants import ROOT, environment
from bench.economy_figures import DayFigures
from bench.economy_talk_figures import TALK_HEAD, TalkFigures, talk_lines, talk_rows, talk_targets
from bench.process import CONTESTANT_CORES, on_cores
from bench.report import BenchTarget, Section, at_most, table, targets_table
from proxyapp.management.text_table import plain_table

LOADS = (0.4, 0.8, 2.0)
AWARE, DAILY = "quota_aware", "daily"
WHOLE_DAY_TAKES_SECONDS = 20.0
MOST_MISSED = 0.001
MOST_REFUSALS = 0.01
LEAST_BESIDE_HOSTILE = 0.99
# With a tenth of the quotas there are as many of them to run out, each with a refusal, for a tenth
# of the answers.
QUICK_REFUSALS = 10
JUDGE_MICROSECONDS = 100.0
HEAD = ["offered", "policy", "answered", "of the quota", "missed", "refusals an answer", "took"]


class Economy(NamedTuple):
    """Of days under each policy, and of conversations with and without `sticky`."""

    days: list[DayFigures]
    talks: list[TalkFigures]


def measured(*, is_quick: bool) -> Economy:
    """In a process of its own, with nobody's settings."""
    command = [sys.executable, "-m", "bench.economy", "--json", *(["--quick"] if is_quick else [])]
    with tempfile.TemporaryDirectory(prefix="bench-economy-") as home, on_cores(CONTESTANT_CORES):
        env = environment(home, VAR_DIR=home, ENV_FILE=os.devnull)
        done = subprocess.run(
            command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=300
        )
    days, talks = json.loads(done.stdout)
    return Economy([DayFigures(**each) for each in days], [TalkFigures(**each) for each in talks])


def simulated(*, is_quick: bool) -> Economy:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    import django

    django.setup()
    from bench.economy_conversations import talked_of
    from bench.economy_day import compared
    from bench.economy_world import DAY, HOUR

    days = compared(HOUR if is_quick else DAY, LOADS, (AWARE, DAILY))
    return Economy(days, talked_of(is_quick=is_quick))


def run(seconds_budget: float) -> Section:
    is_quick = seconds_budget < WHOLE_DAY_TAKES_SECONDS
    figures = measured(is_quick=is_quick)
    return Section(
        "(g) Quota economy",
        [*_lines(figures.days, is_quick=is_quick), "", *talk_lines(figures.talks)],
        _all_targets(figures, is_quick=is_quick),
    )


def _lines(figures: Sequence[DayFigures], *, is_quick: bool) -> list[str]:
    when = (
        "An hour with a tenth of the day's quotas"
        if is_quick
        else "A day from midnight to midnight Pacific"
    )
    return [
        (
            f"{when}, simulated: 20 projects with 2 keys each, three models with 10/250, 15/1000"
            " and 5/25 requests a minute/day and project. Bursts of 20 requests arrive at random;"
            " *offered* is their number by the day's quota of each model, *evenly* the same number"
            " for each, so that the small quotas run out early. *Missed* are requests without an"
            " answer though a project could have given one at that moment. Clients don't wait and"
            " don't ask again. *Hostile* are requests beside the others that no key can answer: a"
            " model of one's own name, a tool without a quota, prompts above the quota, 402."
        ),
        "",
        *table(HEAD, [each.row for each in figures]),
        "",
        _judged(figures),
    ]


def _judged(figures: Sequence[DayFigures]) -> str:
    judged, refused = (
        sum(getattr(each, name) for each in figures) for name in ("judged", "refused")
    )
    cost = f"A verdict of `{AWARE}` takes {_microseconds(figures):.0f} µs."
    return f"{cost} There were {judged} verdicts in all, for {refused} refusals."


def _microseconds(figures: Sequence[DayFigures]) -> float:
    """Of one verdict under `quota_aware`, which reads the body."""
    aware = [each for each in figures if each.policy == AWARE]
    return (
        1e6 * sum(each.judge_seconds for each in aware) / max(sum(each.judged for each in aware), 1)
    )


def _all_targets(figures: Economy, *, is_quick: bool) -> list[BenchTarget]:
    days = _targets(figures.days, is_quick=is_quick)
    return [*days, *talk_targets(figures.talks, is_quick=is_quick)]


def _targets(figures: Sequence[DayFigures], *, is_quick: bool) -> list[BenchTarget]:
    all_aware = [each for each in figures if each.policy == AWARE]
    beside = min(each.answered / each.offered for each in all_aware if each.hostile)
    aware = [each for each in all_aware if not each.hostile]
    missed = max(each.missed_share for each in aware)
    refusals = max(each.refusals_per_answer for each in aware)
    most_refusals = MOST_REFUSALS * (QUICK_REFUSALS if is_quick else 1)
    overload = next(each for each in reversed(aware) if not each.is_even)
    used = overload.answered / overload.quota
    strays = sum(abs(each.judged - each.refused) for each in figures)
    return [
        BenchTarget(
            "quota_aware: missed, worst load",
            f"≤ {MOST_MISSED:.1%}",
            f"{missed:.2%}",
            missed <= MOST_MISSED,
        ),
        BenchTarget(
            "quota_aware: refusals an answer",
            f"≤ {most_refusals:g}",
            f"{refusals:.4f}",
            refusals <= most_refusals,
        ),
        BenchTarget(
            f"quota_aware: of the quota, {LOADS[-1]:.0%} offered",
            "100 %",
            f"{used:.2%}",
            used == 1.0,
        ),
        BenchTarget(
            "quota_aware: honest requests answered, 5 % hostile",
            f"≥ {LEAST_BESIDE_HOSTILE:.0%}",
            f"{beside:.2%}",
            beside >= LEAST_BESIDE_HOSTILE,
        ),
        at_most("A verdict", JUDGE_MICROSECONDS, _microseconds(figures), "µs"),
        BenchTarget("Verdicts on anything but refusals", "0", f"{strays}", strays == 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.economy", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the quotas, in one hour: a smoke check"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the figures only, from this process"
    )
    asked = parser.parse_args()
    if asked.json:
        found = simulated(is_quick=asked.quick)
        print(json.dumps([[asdict(each) for each in part] for part in found]))
        return
    figures = measured(is_quick=asked.quick)
    rows, talks = [each.row for each in figures.days], talk_rows(figures.talks)
    print(plain_table(HEAD, rows, right={0, 2, 3, 4, 5, 6}), "", *table(HEAD, rows), "", sep="\n")
    print(plain_table(TALK_HEAD, talks, right={0, 2, 3, 4, 5, 6}), "", sep="\n")
    print(*table(TALK_HEAD, talks), "", _judged(figures.days), "", sep="\n")
    print(*targets_table(_all_targets(figures, is_quick=asked.quick)), sep="\n")


if __name__ == "__main__":
    main()
