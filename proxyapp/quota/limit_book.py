"""Which limits hold for a key and a model, and where each comes from."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from proxyapp.pool.keys_and_groups import PoolGroup, PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.quota.tiers import limits_of_tier
from proxyapp.vocabulary.limits import Limits, Meter
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.model_patterns import expression_of
from proxyapp.vocabulary.told import TextToShow, told

# Clients name models. Of so many keys and models the limits are remembered, then of none.
MOST_KNOWN = 200_000
MOST_PATTERNS = 10_000
# A learned limit is doubled each week, until it is named again or forgotten.
TRIED_AFTER = timedelta(days=7)
MOST_DOUBLINGS = 4
GROUP, PROJECT = gettext_noop("group %(name)s"), gettext_noop("project %(name)s")
KEY, TIER = gettext_noop("key %(name)s"), gettext_noop("tier %(name)s")
LEARNED = gettext_noop("learned %(day)s")
LEARNED_THEN = gettext_noop("learned %(day)s, then %(then)s")
WORDS = {
    Meter.REQUESTS_PER_MINUTE: "requests a minute",
    Meter.INPUT_TOKENS_PER_MINUTE: "input tokens a minute",
    Meter.REQUESTS_PER_DAY: "requests a day",
    Meter.TOKENS_PER_DAY: "tokens a day",
    Meter.MAX_CONCURRENT: "requests at a time",
}


class Limit(NamedTuple):
    """`owner`: whose it is, `project:LABEL`, `key:ID` or `group:ID`. `model`: empty for what is
    counted of all together. `source`: in words.
    """

    owner: str
    model: str
    meter: Meter
    number: int
    source: str

    @property
    def words(self) -> str:
        """`10 requests a minute (group main)`."""
        return f"{self.number:,} {WORDS[self.meter]} ({self.source})"


class LimitBook:
    """Of a snapshot as it is now; a change of what is set or learned makes a new book.

    A group's limits hold for each project that has keys in it, wherever this uses them.
    """

    def __init__(self, snapshot: Snapshot, now: datetime | None = None) -> None:
        """`now`: how old what was learned is; None: by the clock."""
        self._snapshot = snapshot
        self._now = datetime.now(UTC) if now is None else now
        self._known: dict[tuple[int, str], tuple[Limit, ...]] = {}
        self._groups: dict[str, tuple[PoolGroup, ...]] = {}
        self._of_many: dict[tuple[str, str], tuple[tuple[Meter, int], ...]] = {}
        self.is_empty = not (
            snapshot.projects_set
            or snapshot.learned
            or snapshot.keys_with_limits
            or any(group.has_limits for group in snapshot.order.values())
        )

    def of(self, key: PoolKey, model: str) -> tuple[Limit, ...]:
        """The strictest of each owner and meter. `model`: empty for what is none."""
        place = key.id, model
        found = self._known.get(place)
        if found is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            strictest: dict[tuple[str, Meter], Limit] = {}
            for limit in self.all_of(key, model):
                strictest.setdefault((limit.owner, limit.meter), limit)
            found = self._known[place] = tuple(strictest.values())
        return found

    def all_of(self, key: PoolKey, model: str) -> list[Limit]:
        """Also those that a stricter one beats, behind it."""
        limits = [*self._concurrency(key), *(self._of_model(key, model) if model else ())]
        return sorted(limits, key=lambda limit: limit.number)

    def _concurrency(self, key: PoolKey) -> Iterator[Limit]:
        project = self._snapshot.projects_set.get(key.project)
        for owner, number, source in (
            (
                f"group:{key.group.id}",
                key.group.max_concurrent,
                _source(GROUP, key.group.name),
            ),
            (
                key.quota_owner,
                project and project.max_concurrent,
                _source(PROJECT, key.project),
            ),
            (f"key:{key.id}", key.max_concurrent, _source(KEY, key.shown)),
        ):
            if number:
                yield Limit(owner, "", Meter.MAX_CONCURRENT, number, source)

    def _of_model(self, key: PoolKey, model: str) -> Iterator[Limit]:
        owner = key.quota_owner
        for meter, number in _fitting(key.limits, model):
            yield Limit(f"key:{key.id}", model, meter, number, _source(KEY, key.shown))
        project = self._snapshot.projects_set.get(key.project)
        groups = self._groups_of(key)
        for group in groups:
            yield from self._set(group.limits, owner, model, _source(GROUP, group.name))
        if project is not None:
            yield from self._set(project.limits, owner, model, _source(PROJECT, project.name))
        own_tier = project.tier if project is not None else ""
        for tier in dict.fromkeys([own_tier] if own_tier else [group.tier for group in groups]):
            yield from self._set(limits_of_tier(tier), owner, model, _source(TIER, tier))
        for learned in self._snapshot.learned.of(owner, model):
            number = learned.number * tried_again(learned.at, self._now)
            text = LEARNED if number == learned.number else LEARNED_THEN
            source = told(text, day=learned.at.date(), then=f"{learned.number:,}")
            yield Limit(owner, model, Meter(learned.meter), number, source)

    def _set(self, limits: Limits, owner: str, model: str, source: str) -> Iterator[Limit]:
        """`source`: of one thing only. Of what many have is looked up once which limits fit."""
        place = source, model
        found = self._of_many.get(place)
        if found is None:
            if len(self._of_many) >= MOST_KNOWN:
                self._of_many.clear()
            found = self._of_many[place] = tuple(_fitting(limits, model))
        for meter, number in found:
            yield Limit(owner, model, meter, number, source)

    def _groups_of(self, key: PoolKey) -> tuple[PoolGroup, ...]:
        """Those in which its project has keys that are in use."""
        if not key.project:
            return (key.group,)
        found = self._groups.get(key.project)
        if found is None:
            keys = map(self._snapshot.keys.get, self._snapshot.projects.get(key.project, ()))
            groups = {each.group.id: each.group for each in keys if each and each.is_active}
            found = self._groups[key.project] = tuple(groups.values())
        return found or (key.group,)


def tried_again(learned_at: datetime, now: datetime) -> int:
    """How many times as much is tried of a limit that no refusal has named for so long: the
    provider may grant more by now. If it does not, a refusal says so, once.
    """
    weeks: int = (now - learned_at) // TRIED_AFTER
    return 1 << max(min(weeks, MOST_DOUBLINGS), 0)


def fits(pattern: str, model: str) -> bool:
    """Also where its publisher stands in front of the model."""
    named = _compiled(pattern)
    return named.fullmatch(model) is not None or (
        "/" in model and named.fullmatch(model.rpartition("/")[2]) is not None
    )


@lru_cache(MOST_PATTERNS)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(expression_of(pattern), re.DOTALL)


def _fitting(limits: Limits, model: str) -> Iterator[tuple[Meter, int]]:
    for pattern, meters in limits.items():
        if fits(pattern, model):
            for meter, number in meters.items():
                yield Meter(meter), number


@lru_cache(maxsize=MOST_PATTERNS)
def _source(text: str, name: str) -> TextToShow:
    return told(text, name=name)
