"""Which of the keys that can answer would: by cursor, strategy and spill."""

from collections.abc import Mapping

from django.utils.translation import gettext

from proxyapp.models import RotationCursor
from proxyapp.operators.quota_report import measured
from proxyapp.operators.quota_use import QuotaUse
from proxyapp.pool.choosing import Asked, Choosing
from proxyapp.pool.day_use import Counts, DayUse
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.model_choices import ModelChoice
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.spilling import Spilling
from proxyapp.quota.limit_book import LimitBook
from proxyapp.quota.owners import KEY
from proxyapp.quota.share_grants import OF_DAY
from proxyapp.vocabulary.choices import Strategy
from proxyapp.vocabulary.marks import gettext_noop

BY_CURSOR = gettext_noop("its turn by the cursor; each process has leased some turns before it")
APART = gettext_noop(
    "some keys are out for this model alone: each process goes round the others by itself"
)
HOW = {
    Strategy.LEAST_USED: gettext_noop("least_used: its project has used the least of its day"),
    Strategy.FILL_FIRST: gettext_noop("fill_first: its project comes before those behind it"),
}


class NextKey:
    """Of one moment."""

    def __init__(self, snapshot: Snapshot, book: LimitBook, use: QuotaUse) -> None:
        self._snapshot = snapshot
        self._book = book
        self._use = use
        self._now = use.now.timestamp()
        self._day_use = DayUse(None if book.is_empty else self._fraction)
        self._day_use.install(_requests(use))

    def of(self, choice: ModelChoice) -> PoolKey | None:
        """Of the keys that are neither out nor held."""
        ring, now = self._snapshot.rings[choice.ring], self._now
        if not len(ring):
            return None
        last = Spilling(self._day_use).passed_over(ring, choice.model, now)
        start = _position(choice.ring) % len(ring)
        index = ring.choose_outside(start, now, choice.model, choice.barred, last)
        if index is None:
            return None
        asked = Asked(choice.model, now, groups=choice.barred)
        return Choosing(self._day_use).key(ring, index, asked)

    def how(self, key: PoolKey, choice: ModelChoice) -> str:
        is_narrowed = self._snapshot.rings[choice.ring].is_narrowed(choice.model)
        return gettext(HOW.get(Strategy(key.group.strategy), APART if is_narrowed else BY_CURSOR))

    def _fraction(self, key: PoolKey, model: str, now: float) -> float:
        limits = self._book.of(key, model)
        parts = [measured(self._use, each).part for each in limits if each.meter in OF_DAY]
        return max(parts, default=0.0)


def _position(ring: str) -> int:
    return RotationCursor.objects.filter(ring=ring).values_list("position", flat=True).first() or 0


def _requests(use: QuotaUse) -> Mapping[str, Counts]:
    """By model, and by project or key."""
    found: dict[str, Counts] = {}
    for (owner, model), today in use.of_day.items():
        kind, _, name = owner.partition(":")
        counts = found.setdefault(model, {})
        counts[int(name) if kind == KEY.rstrip(":") else name] = today.requests
    return found
