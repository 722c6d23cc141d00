"""What has been used today: the strategy `least_used` and spilling ask for it."""

from collections.abc import Callable, Mapping, Sequence

from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.features import plain_scope

# Clients name models; what is beyond these is not told apart until the next reading.
MOST_MODELS = 500
# Counts only between those of equal parts. Whoever has no known limit comes before those that have
# used some of theirs: it is how theirs becomes known.
A_REQUEST = 1e-9

Fraction = Callable[[PoolKey, str, float], float]
Counts = dict[int | str, int]
NO_COUNTS: Counts = {}


def model_of(quota_scope: str) -> str:
    """Empty where what is counted is no model's."""
    model = plain_scope(quota_scope)
    return "" if model.startswith("/") or ":" in model else model


class DayUse:
    """By project, or by key where it has none."""

    def __init__(self, fraction: Fraction | None = None) -> None:
        """`fraction(key, quota_scope, now)`: which part of its day's limits its project has used;
        0.0 also where none is known.
        """
        self._fraction = fraction
        self._requests: dict[str, Counts] = {}

    @property
    def knows_limits(self) -> bool:
        return self._fraction is not None

    def fraction(self, key: PoolKey, quota_scope: str, now: float) -> float:
        return 0.0 if self._fraction is None else self._fraction(key, quota_scope, now)

    def least_used(self, keys: Sequence[PoolKey], quota_scope: str, now: float) -> PoolKey:
        """Of equals the first."""
        requests, fraction = self._requests.get(model_of(quota_scope), NO_COUNTS), self._fraction
        if fraction is None:
            used = [requests.get(key.project or key.id, 0) * A_REQUEST for key in keys]
        else:
            used = [
                fraction(key, quota_scope, now) + requests.get(key.project or key.id, 0) * A_REQUEST
                for key in keys
            ]
        return keys[used.index(min(used))]

    def note(self, key: PoolKey, quota_scope: str) -> None:
        """The key answers a request."""
        model = model_of(quota_scope)
        requests = self._requests.get(model)
        if requests is None:
            if len(self._requests) >= MOST_MODELS:
                return
            requests = self._requests[model] = {}
        owner = key.project or key.id
        requests[owner] = requests.get(owner, 0) + 1

    def install(self, requests: Mapping[str, Counts]) -> None:
        """What the database says of today, of all processes."""
        self._requests = dict(requests)
