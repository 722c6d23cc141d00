"""What refusals have told of limits, as a process remembers it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

# A refusal that says the same again moves the date no sooner.
SAID_AGAIN_AFTER = timedelta(hours=12)


class Learned(NamedTuple):
    """`owner`: as a PoolKey's `quota_owner`. `meter`: a Meter's name."""

    owner: str
    model: str
    meter: str
    number: int
    quota_id: str
    at: datetime

    @property
    def place(self) -> tuple[str, str, str]:
        return self.owner, self.model, self.meter


NONE_YET: Mapping[int, Learned] = MappingProxyType({})


class LearnedLimits:
    """By the ids of their rows, and by whom and what they are for."""

    def __init__(self, rows: Mapping[int, Learned] = NONE_YET) -> None:
        self._rows: dict[int, Learned] = {}
        self._of: dict[tuple[str, str], dict[str, Learned]] = {}
        self.take(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LearnedLimits) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]  # it changes

    def of(self, owner: str, model: str) -> Collection[Learned]:
        return self._of.get((owner, model), {}).values()

    @property
    def places(self) -> Collection[tuple[str, str]]:
        """Owners and models of which something was learned."""
        return self._of.keys()

    def is_news(self, learned: Learned) -> bool:
        """Whether it says something else than what is known, or the same after a long time."""
        known = self._of.get((learned.owner, learned.model), {}).get(learned.meter)
        if known is None or known.number != learned.number:
            return True
        return learned.at - known.at >= SAID_AGAIN_AFTER

    def known(self, learned: Learned) -> int | None:
        found = self._of.get((learned.owner, learned.model), {}).get(learned.meter)
        return found and found.number

    def take(self, rows: Mapping[int, Learned | None]) -> None:
        """None: it is forgotten."""
        for row_id, learned in rows.items():
            old = self._rows.pop(row_id, None)
            if old is not None:
                self._forget(old)
            if learned is not None:
                self._rows[row_id] = learned
                self._of.setdefault((learned.owner, learned.model), {})[learned.meter] = learned

    def _forget(self, learned: Learned) -> None:
        place = learned.owner, learned.model
        self._of[place].pop(learned.meter, None)
        if not self._of[place]:
            del self._of[place]
