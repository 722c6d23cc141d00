"""How long something took, counted by bounds."""

# Seconds that a request waits.
WAIT_BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def bucket_of(bounds: tuple[float, ...], seconds: float) -> int:
    """The number of the first bound that it does not exceed. Most of what is counted is short, and
    bounds are few: `bisect` takes compiled code longer.
    """
    number = 0
    for bound in bounds:
        if seconds <= bound:
            break
        number += 1
    return number


class Buckets:
    """`counts`: how many were at most as long as each bound and longer than the one before; the
    last: longer than all.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bucket_of(self._bounds, seconds)] += 1
        self.total += seconds

    @property
    def numbers(self) -> list[float]:
        """The counts, and behind them the sum of what was added."""
        return [*self.counts, self.total]
