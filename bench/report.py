"""What a scenario hands back: a section of RESULTS.md and the targets that it checked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

REASON_CHARACTERS = 200


@dataclass(frozen=True)
class BenchTarget:
    """`target` and `measured` are texts for the table, units included."""

    name: str
    target: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Section:
    """`lines` is Markdown below the heading."""

    title: str
    lines: list[str] = field(default_factory=list)
    targets: list[BenchTarget] = field(default_factory=list)

    def markdown(self) -> str:
        return "\n".join([f"## {self.title}", "", *self.lines, ""])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table: the first column is text, the others are figures."""
    line = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, line, *rows)]


def at_least(name: str, floor: float, measured: float, unit: str = "x") -> BenchTarget:
    return BenchTarget(name, f"≥ {floor:g} {unit}", f"{measured:.2f} {unit}", measured >= floor)


def at_most(name: str, ceiling: float, measured: float, unit: str) -> BenchTarget:
    return BenchTarget(name, f"≤ {ceiling:g} {unit}", f"{measured:.2f} {unit}", measured <= ceiling)


def brief(error: BaseException) -> str:
    """One line, and the end of it: what a process said last is the reason."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= REASON_CHARACTERS else f"… {text[-REASON_CHARACTERS:]}"


def not_measured(name: str, target: str, reason: str) -> BenchTarget:
    return BenchTarget(name, target, f"not measured: {reason}", met=False)


def targets_table(targets: Iterable[BenchTarget]) -> list[str]:
    rows = [
        [each.name, each.target, each.measured, "met" if each.met else "**missed**"]
        for each in targets
    ]
    return table(["target", "at", "measured", ""], rows)
