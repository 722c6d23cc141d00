"""What a simulated day comes to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DayFigures:
    """Of one policy under one load. `is_even`: as many requests for each model.

    `missed`: got no answer though a project could have given it at that moment.
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

    @property
    def missed_share(self) -> float:
        return self.missed / self.offered

    @property
    def refusals_per_answer(self) -> float:
        return self.refused / max(self.answered, 1)

    @property
    def row(self) -> list[str]:
        return [
            f"{self.load:.0%}, evenly" if self.is_even else f"{self.load:.0%}",
            self.policy,
            f"{self.answered / self.offered:.1%}",
            f"{self.answered / self.quota:.1%}",
            f"{self.missed_share:.2%}",
            f"{self.refusals_per_answer:.4f}",
            f"{self.seconds:.1f} s",
        ]
