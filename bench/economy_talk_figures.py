"""What simulated conversations come to."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report import BenchTarget, at_least, at_most, table

LEAST_OF_ONE = 0.9
MOST_FROM_SHARE = 0.1
# Of few conversations each is a larger part of a project's share.
QUICK_FROM_SHARE = 3
TALK_HEAD = [
    "projects",
    "sticky",
    "requests",
    "answered",
    "cached",
    "of one project",
    "furthest share",
]


@dataclass(frozen=True)
class TalkFigures:
    """`cached_share`: of all LLM tokens of prompts. `furthest`: of all projects' shares of the
    requests that which is furthest from the same for each, by how much of it.
    """

    projects: int
    sticky: str
    offered: int
    answered: int
    cached_share: float
    furthest: float

    def row(self, of_one: float) -> list[str]:
        return [
            f"{self.projects}",
            self.sticky or "off",
            f"{self.offered}",
            f"{self.answered / self.offered:.1%}",
            f"{self.cached_share:.1%}",
            f"{self.cached_share / of_one:.2f}",
            f"±{self.furthest:.1%}",
        ]


def talk_rows(figures: Sequence[TalkFigures]) -> list[list[str]]:
    """The first are those of one project."""
    return [each.row(figures[0].cached_share) for each in figures]


def talk_lines(figures: Sequence[TalkFigures]) -> list[str]:
    return [
        (
            "Conversations of up to nine turns, simulated, from five applications: of a prompt the"
            " project's cache has what it was asked in the last five minutes and the prompt begins"
            " with. *Cached* is that part of all LLM tokens of prompts, *of one project* that part"
            " beside what a single one with room for all has, *furthest share* how far one"
            " project's number of requests is from the same for each."
        ),
        "",
        *table(TALK_HEAD, talk_rows(figures)),
    ]


def talk_targets(figures: Sequence[TalkFigures], *, is_quick: bool) -> list[BenchTarget]:
    sticky = [each for each in figures if each.sticky]
    least = min(each.cached_share for each in sticky) / figures[0].cached_share
    furthest = max(each.furthest for each in sticky)
    most = MOST_FROM_SHARE * (QUICK_FROM_SHARE if is_quick else 1)
    return [
        at_least("sticky: cached, of what one project alone has", LEAST_OF_ONE, least),
        at_most("sticky: a project's requests from its share", most * 100, furthest * 100, "%"),
    ]
