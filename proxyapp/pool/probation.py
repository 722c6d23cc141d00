"""What is remembered of refusals beyond their cooldowns, until a success shows that it is past.

Keys that come back from a day's cooldown are tried by one request at a time. Limits that tell no
window are waited for longer each time. Both belong to a key, or to a project, and to a quota
scope ("" is every one).
"""

import asyncio
import contextlib
import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

from proxyapp.pool.changes import CooldownRow, PoolChanges
from proxyapp.provider.features import SEPARATOR, plain_scope
from proxyapp.provider.kind_sets import BACK_OFF_KINDS, EASED_KINDS
from proxyapp.provider.verdict import first_backoff
from proxyapp.vocabulary.in_task import time_limit

# As long as the longest back-off.
FORGOTTEN_AFTER_SECONDS = 3600.0
# As long as the longest cooldown that a success may have to be held against: a day's.
PROVEN_KEPT_SECONDS = 86_400.0


class Unit(NamedTuple):
    """`owner`: a key's id, or a project's label."""

    owner: int | str
    quota_scope: str


class Strikes(NamedTuple):
    """How many limits without a window came in a row; `until`: the end of the last back-off."""

    number: int
    until: float


@dataclass(slots=True)
class PastRefusals:
    """`returning`: the ends of day cooldowns, also of those that still run.

    Seconds since the epoch.
    """

    returning: dict[Unit, float] = field(default_factory=dict)
    strikes: dict[Unit, Strikes] = field(default_factory=dict)
    _ends: list[tuple[float, int, Unit]] = field(default_factory=list, compare=False, repr=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, compare=False, repr=False)

    def __post_init__(self) -> None:
        for unit, until in self.returning.items():
            self._note_end(unit, until)
        for unit, strikes in self.strikes.items():
            self._note_end(unit, strikes.until)

    def remember_row(self, row: CooldownRow) -> None:
        owner = row.project or row.key_id
        self.remember(row.kind, owner, row.key_id, row.quota_scope, row.seconds, row.until)

    def remember(
        self,
        kind: str,
        owner: int | str,
        key_id: int,
        quota_scope: str,
        seconds: float,
        until: float,
    ) -> None:
        """What a cooldown means beyond its end.

        `owner`: the project, or the key itself. `seconds`: how long it was.
        """
        if kind in EASED_KINDS:
            self.returns(Unit(owner, quota_scope), until)
        elif kind in BACK_OFF_KINDS:
            self.add_strike(
                Unit(key_id, quota_scope), number=strikes_before(kind, seconds), until=until
            )

    def returns(self, unit: Unit, until: float) -> None:
        if until > self.returning.get(unit, 0.0):
            self.returning[unit] = until
            self._note_end(unit, until)

    def add_strike(self, unit: Unit, *, number: int, until: float) -> None:
        if until > self.strikes.get(unit, Strikes(0, 0.0)).until:
            self.strikes[unit] = Strikes(number, until)
            self._note_end(unit, until)

    def _note_end(self, unit: Unit, until: float) -> None:
        """The number keeps apart what ends together: owners of two types have no order."""
        heappush(self._ends, (until, next(self._numbers), unit))

    def expire(self, now: float) -> None:
        """Forgets what is so long past that it means nothing any more."""
        before = now - FORGOTTEN_AFTER_SECONDS
        while self._ends and self._ends[0][0] <= before:
            _, _, unit = heappop(self._ends)
            if self.returning.get(unit, math.inf) <= before:
                del self.returning[unit]
            if unit in self.strikes and self.strikes[unit].until <= before:
                del self.strikes[unit]

    def forget(self, owners: Collection[int | str]) -> None:
        """All of these keys and projects."""
        for past in (self.returning, self.strikes):
            for unit in [unit for unit in past if unit.owner in owners]:
                del past[unit]

    def shift(self, seconds: float) -> None:
        self.returning = {unit: until + seconds for unit, until in self.returning.items()}
        self.strikes = {
            unit: Strikes(number, until + seconds) for unit, (number, until) in self.strikes.items()
        }
        self._ends = [(until + seconds, number, unit) for until, number, unit in self._ends]


def strikes_before(kind: str, seconds: float) -> int:
    """How many strikes in a row lead to a back-off of so many seconds."""
    first = first_backoff(kind).total_seconds()
    return max(1, round(math.log2(max(seconds, 1.0) / first)) + 1)


class Owned(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def project(self) -> str: ...


def units(key: Owned, quota_scope: str) -> list[Unit]:
    """All that a request with this key for this scope may prove."""
    owners: list[int | str] = [key.id, key.project] if key.project else [key.id]
    scopes = [quota_scope, ""] if quota_scope else [""]
    if SEPARATOR in quota_scope:
        scopes.append(plain_scope(quota_scope))
    return [Unit(owner, scope) for owner in owners for scope in scopes]


class Recovery:
    """What one process makes of past refusals. Belongs to the event loop."""

    def __init__(self, past_refusals: PastRefusals) -> None:
        self.past_refusals = past_refusals
        self._proven: dict[Unit, float] = {}
        self._probing: set[Unit] = set()
        self._on_trial: Counter[int] = Counter()
        self._ended = asyncio.Event()

    def install(self, past_refusals: PastRefusals, now: float) -> None:
        """What was read from the database, without what this process has seen succeed since."""
        self._proven = {
            unit: at for unit, at in self._proven.items() if at > now - PROVEN_KEPT_SECONDS
        }
        self.past_refusals = PastRefusals()
        self._add(past_refusals)

    def take(self, changes: PoolChanges, now: float) -> None:
        """What is new, as if all had been read and installed."""
        self.past_refusals.expire(now)
        if owners := changes.keys.keys() | changes.projects:
            self.past_refusals.forget(owners)
        read = PastRefusals()
        for row in changes.cooldowns:
            read.remember_row(row)
        self._add(read)

    def _add(self, read: PastRefusals) -> None:
        for unit, until in read.returning.items():
            if until > self._proven.get(unit, 0.0):
                self.past_refusals.returns(unit, until)
        for unit, (number, until) in read.strikes.items():
            if until > self._proven.get(unit, 0.0):
                self.past_refusals.add_strike(unit, number=number, until=until)

    def shift(self, seconds: float) -> None:
        """The clock was set by so much."""
        self.past_refusals.shift(seconds)
        self._proven = {unit: at + seconds for unit, at in self._proven.items()}

    @property
    def is_idle(self) -> bool:
        """Nothing is remembered: the usual case."""
        past = self.past_refusals
        return not past.returning and not past.strikes and not self._on_trial

    @contextlib.contextmanager
    def trial(self, key: Owned) -> Iterator[None]:
        """While it is found out whether the key is dead: others are used, where there are any."""
        self._on_trial[key.id] += 1
        try:
            yield
        finally:
            self._on_trial[key.id] -= 1
            if not self._on_trial[key.id]:
                del self._on_trial[key.id]

    def is_on_trial(self, key: Owned) -> bool:
        return key.id in self._on_trial

    def strikes(self, key: Owned, quota_scope: str, now: float) -> int:
        strikes = self.past_refusals.strikes.get(Unit(key.id, quota_scope))
        return strikes.number if strikes and now - strikes.until < FORGOTTEN_AFTER_SECONDS else 0

    def succeeded(self, key: Owned, quota_scope: str, now: float) -> None:
        """Proves what was over before.

        A success while the cooldown still runs was under way before it.
        """
        for unit in units(key, quota_scope):
            strikes = self.past_refusals.strikes.get(unit)
            if strikes and strikes.until <= now:
                del self.past_refusals.strikes[unit]
                self._proven[unit] = now
            if 0.0 < self.past_refusals.returning.get(unit, 0.0) <= now:
                del self.past_refusals.returning[unit]
                self._proven[unit] = now
                self.end_probe(unit)

    def on_probation(self, key: Owned, quota_scope: str, now: float) -> Unit | None:
        """The cooldown that the key comes back from and that no success has followed yet."""
        for unit in units(key, quota_scope):
            if 0.0 < self.past_refusals.returning.get(unit, 0.0) <= now:
                return unit
        return None

    def begin_probe(self, unit: Unit) -> bool:
        """False while another request probes it."""
        if unit in self._probing:
            return False
        self._probing.add(unit)
        return True

    def end_probe(self, unit: Unit) -> None:
        if unit in self._probing:
            self._probing.discard(unit)
            self._ended.set()
            self._ended = asyncio.Event()

    async def probe_ended(self, seconds: float) -> None:
        """Returns when any probe ends, or after the time."""
        with contextlib.suppress(TimeoutError):
            async with time_limit(seconds):
                await self._ended.wait()
