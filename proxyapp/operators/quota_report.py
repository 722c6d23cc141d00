"""Projects and models with what is used of their quotas, the limits, and when these end."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from proxyapp.operators.quota_use import A_MINUTE, QuotaUse, UsedToday, owners_of, read_use
from proxyapp.operators.running_dry import dry_at
from proxyapp.operators.unhurried import unhurried
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.store import PoolReader
from proxyapp.quota.limit_book import Limit, LimitBook
from proxyapp.quota.owners import GROUP, PROJECT
from proxyapp.quota.pacific_days import day_ends_at
from proxyapp.quota.share_grants import OF_DAY
from proxyapp.vocabulary.limits import Limits, Meter

# From here on a limit is nearly used up.
NEARLY = 0.8
PATTERN = "*"


@dataclass(frozen=True, slots=True)
class UsedLimit:
    """`beaten`: limits of the same that are less strict. `used_up_at`: at the pace of late, before
    it is whole again. `back_at`: of one that is used up, when there is room at the latest.
    """

    limit: Limit
    used: int
    beaten: Sequence[Limit] = ()
    used_up_at: datetime | None = None
    back_at: datetime | None = None

    @property
    def part(self) -> float:
        return self.used / self.limit.number


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """`key`: the one that it is of, or one of the project's or group's. `model`: empty for what is
    counted of all together. `cooling_until`: when the first of its keys is good again, if all cool.
    """

    owner: str
    key: PoolKey
    groups: Sequence[str]
    model: str
    today: UsedToday
    meters: Sequence[UsedLimit]
    cooling_until: datetime | None = None

    @property
    def part(self) -> float:
        """Of the limit that is used most; below zero without one."""
        return max((meter.part for meter in self.meters), default=-1.0)

    @property
    def project(self) -> str:
        return self.owner.removeprefix(PROJECT) if self.owner.startswith(PROJECT) else ""

    @property
    def name(self) -> str:
        if self.owner.startswith(GROUP):
            return f"group {self.key.group.name}"
        return f"project {self.project}" if self.project else f"key {self.key.shown}"


@dataclass(frozen=True, slots=True)
class QuotaChoice:
    """Which rows are wanted; empty: every one."""

    project: str = ""
    group: str = ""
    model: str = ""
    is_nearly_used_up: bool = False

    def takes_owner(self, owner: str, groups: Iterable[str]) -> bool:
        if self.project and owner != f"{PROJECT}{self.project}":
            return False
        return not self.group or self.group.lower() in {name.lower() for name in groups}

    def takes(self, row: QuotaRow) -> bool:
        return not self.is_nearly_used_up or row.part >= NEARLY


def quota_report(choice: QuotaChoice) -> list[QuotaRow]:
    """What is nearest to its end in front."""
    now = timezone.now()
    snapshot = PoolReader(opens_secrets=False).load(now)
    report = QuotaReport(snapshot, LimitBook(snapshot, now), read_use(snapshot, now))
    rows = filter(choice.takes, unhurried(report.rows(choice)))
    return sorted(rows, key=lambda row: (-row.part, row.name, row.model))


def measured(use: QuotaUse, limit: Limit, *beaten: Limit) -> UsedLimit:
    if limit.meter not in OF_DAY:
        return _of_now(use, limit, *beaten)
    used, late = use.of_day.get((limit.owner, limit.model), UsedToday()).of(limit.meter)
    reset = datetime.fromtimestamp(day_ends_at(use.now.timestamp()), UTC)
    if used >= limit.number:
        return UsedLimit(limit, used, beaten, back_at=reset)
    left, since = limit.number - used, use.late_since
    at = dry_at(used_up=late, left=left, since=since, now=use.now, reset=reset)
    return UsedLimit(limit, used, beaten, used_up_at=at)


def _of_now(use: QuotaUse, limit: Limit, *beaten: Limit) -> UsedLimit:
    present = use.present.get((limit.owner, limit.model, limit.meter))
    if present is None:
        return UsedLimit(limit, 0, beaten)
    is_over = limit.model and present.used >= limit.number
    back_at = present.told_at + A_MINUTE if is_over else None
    return UsedLimit(limit, present.used, beaten, back_at=back_at)


class QuotaReport:
    """Of one moment."""

    def __init__(self, snapshot: Snapshot, book: LimitBook, use: QuotaUse) -> None:
        self._snapshot = snapshot
        self._book = book
        self._use = use
        self._now = use.now.timestamp()

    def rows(self, choice: QuotaChoice) -> Iterator[QuotaRow]:
        """What was used today, and what has a limit of a model that is named in full."""
        used = self._use.models_of()
        for owner, model in self._snapshot.learned.places:
            used.setdefault(owner, set()).add(model)
        for owner, keys in self._owners().items():
            groups = list(dict.fromkeys(key.group.name for key in keys))
            if not choice.takes_owner(owner, groups):
                continue
            models = used.get(owner, set()) | self._named_models(keys) | {""}
            for model in [choice.model] if choice.model else sorted(models):
                row = self._row(owner, keys, groups, model)
                if row.meters or any(row.today):
                    yield row

    def _owners(self) -> dict[str, list[PoolKey]]:
        """Keys that are in use come first."""
        found: defaultdict[str, list[PoolKey]] = defaultdict(list)
        for key in sorted(self._snapshot.keys.values(), key=lambda key: not key.is_active):
            for owner in owners_of(key):
                found[owner].append(key)
            if key.group.max_concurrent:
                found[f"{GROUP}{key.group.id}"].append(key)
        return found

    def _named_models(self, keys: Sequence[PoolKey]) -> set[str]:
        if not any(key.is_active for key in keys):
            return set()
        groups = {key.group.id: key.group for key in keys}.values()
        project = self._snapshot.projects_set.get(keys[0].project)
        of_all: list[Limits] = [key.limits for key in keys] + [group.limits for group in groups]
        named = {model for limits in of_all for model in limits}
        named |= set(project.limits) if project is not None else set()
        return {model for model in named if PATTERN not in model}

    def _row(
        self, owner: str, keys: Sequence[PoolKey], groups: Sequence[str], model: str
    ) -> QuotaRow:
        today = self._use.of_day.get((owner, model), UsedToday())
        of_meter: defaultdict[Meter, list[Limit]] = defaultdict(list)
        for limit in self._book.all_of(keys[0], model):
            if limit.owner == owner and limit.model == model:
                of_meter[limit.meter].append(limit)
        meters = [measured(self._use, *of_meter[meter]) for meter in Meter if meter in of_meter]
        return QuotaRow(owner, keys[0], groups, model, today, meters, self._cooling(keys, model))

    def _cooling(self, keys: Sequence[PoolKey], model: str) -> datetime | None:
        cooldowns = self._snapshot.cooldowns
        ends = (cooldowns.cooling_until(key.id, model) for key in keys if key.is_active)
        first = min(ends, default=math.inf)
        if not self._now < first < math.inf:
            return None
        return datetime.fromtimestamp(first, UTC)
