"""What a simulated day comes to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DayFigures:
    """Of one policy under one load. `is_even`: as many requests for each model.

    `missed`: got no answer though a project could have given it at that moment. `hostile`: requests
    that no key could answer; they count in `refused` and `judged` only.
    """

    load: float
    is_even: bool
    policy: str
    offered: int
    quota: int
    answered: int
    missed: int
    refused: int
    judged: int
    judge_seconds: float
    seconds: float
    hostile: int = 0

    @property
    def missed_share(self) -> float:
        return self.missed / self.offered

    @property
    def refusals_per_answer(self) -> float:
        return self.refused / max(self.answered, 1)

    @property
    def row(self) -> list[str]:
        beside = self.hostile / (self.offered + self.hostile)
        return [
            f"{self.load:.0%}"
            + (", evenly" if self.is_even else f", {beside:.0%} hostile" if beside else ""),
            self.policy,
            f"{self.answered / self.offered:.1%}",
            f"{self.answered / self.quota:.1%}",
            f"{self.missed_share:.2%}",
            f"{self.refusals_per_answer:.4f}",
            f"{self.seconds:.1f} s",
        ]
