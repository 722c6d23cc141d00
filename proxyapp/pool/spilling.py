"""When the keys of a priority have used so much of their day that those of the next come first."""

from collections.abc import Collection

from proxyapp.pool.day_use import DayUse, model_of
from proxyapp.pool.line import Line
from proxyapp.pool.ring import Ring

# Looks are remembered; a look at a large pool asks some of its keys.
LOOK_SECONDS = 0.5
MOST_LOOKS = 1_000
MOST_ASKED = 64
NOBODY: frozenset[int] = frozenset()


class Spilling:
    """Of one ring. Only keys whose day's limit is known count as used up."""

    def __init__(self, day_use: DayUse) -> None:
        self._day_use = day_use
        self._looks: dict[str, tuple[float, frozenset[int]]] = {}

    def forget(self) -> None:
        self._looks.clear()

    def passed_over(self, ring: Ring, quota_scope: str, now: float) -> frozenset[int]:
        """The places of the priorities that answer when no other can."""
        if not self._day_use.knows_limits or not ring.line.has_priorities:
            return NOBODY
        model = model_of(quota_scope)
        if not model:
            return NOBODY
        looked_at, found = self._looks.get(model, (0.0, NOBODY))
        if not 0.0 <= now - looked_at < LOOK_SECONDS:
            if len(self._looks) >= MOST_LOOKS:
                self._looks.clear()
            found = self._look(ring.line, model, now)
            self._looks[model] = now, found
        return found

    def _look(self, line: Line, model: str, now: float) -> frozenset[int]:
        """The last priority has nobody behind it."""
        levels = line.levels[:-1]
        return frozenset(
            number
            for number, (start, end) in enumerate(levels)
            if self._is_spilling(line, start, end, model, now)
        )

    def _is_spilling(self, line: Line, start: int, end: int, model: str, now: float) -> bool:
        """Once all groups of the priority have used their parts."""
        groups: dict[int, list[float]] = {}
        marks: dict[int, float] = {}
        step = max((end - start) // MOST_ASKED, 1)
        for index in _asked(line, start, end, step):
            key = line.keys[index]
            if key.group.spill_after is None:
                return False
            if key.is_active:
                marks[key.group.id] = key.group.spill_after
                used = min(self._day_use.fraction(key, model, now), 1.0)
                groups.setdefault(key.group.id, []).append(used)
        # What floats make of a sum of equals must not be less than these.
        return all(sum(used) / len(used) >= marks[pk] - 1e-9 for pk, used in groups.items())


def _asked(line: Line, start: int, end: int, step: int) -> Collection[int]:
    """One key of each run at least: no group is left out."""
    first_ones = [run.start for run in line.runs if start <= run.start < end]
    return dict.fromkeys([*first_ones, *range(start, end, step)])
