"""Why a key would not answer a request for a model now, or that it would."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

from django.utils.translation import gettext as _

from proxyapp.models import ApiKey, RateLimitEvent
from proxyapp.operators.quota_report import measured
from proxyapp.operators.quota_texts import source_text, used_text
from proxyapp.operators.quota_use import QuotaUse
from proxyapp.operators.shown_words import kind_word
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.probation import Recovery
from proxyapp.pool.snapshot import Snapshot
from proxyapp.quota.limit_book import LimitBook
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.limits import Meter
from proxyapp.vocabulary.marks import gettext_noop


class Reason(StrEnum):
    """The first that holds is given."""

    ANSWERS = gettext_noop("can answer")
    PROBATION = gettext_noop("on probation: one request tries it")
    LOWER = gettext_noop("lower priority")
    SPILLED = gettext_noop("passed over: its priority has used its part of the day")
    BUSY = gettext_noop("as many under way as may be")
    USED_UP = gettext_noop("limit used up")
    COOLING = gettext_noop("cooling")
    INVALID = gettext_noop("invalid")
    DISABLED = gettext_noop("disabled")
    UNREADABLE = gettext_noop("unreadable secret")

    @property
    def text(self) -> str:
        """As a page shows it."""
        return _(self.value)


GROUP_IS_OFF = gettext_noop("its group is off")
USABLE = frozenset({Reason.ANSWERS, Reason.PROBATION, Reason.LOWER, Reason.SPILLED})
OF_STATUS = {KeyStatus.DISABLED: Reason.DISABLED, KeyStatus.INVALID: Reason.INVALID}


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """`until`: when that ends at the latest, if a time ends it. `event_id`: what imposed it."""

    key: PoolKey
    reason: Reason
    detail: str = ""
    until: datetime | None = None
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class ImposedBy:
    id: int
    kind: str
    until: datetime


def _moment(stamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(stamp, UTC) if stamp is not None else None


class KeyReasons:
    """Of one moment. Two queries, when the first key needs them."""

    def __init__(self, snapshot: Snapshot, book: LimitBook, use: QuotaUse) -> None:
        self._cooldowns = snapshot.cooldowns
        self._book = book
        self._use = use
        self._now = use.now.timestamp()
        self._recovery = Recovery(snapshot.past_refusals)

    def of(self, key: PoolKey, model: str) -> KeyVerdict:
        if not key.is_readable:
            return KeyVerdict(key, Reason.UNREADABLE, _("SECRET_KEY does not open it"))
        if key.status != KeyStatus.ACTIVE:
            reason = OF_STATUS[KeyStatus(key.status)]
            return KeyVerdict(key, reason, self._status_reasons.get(key.id, ""))
        if key.group.is_off:
            return KeyVerdict(key, Reason.DISABLED, _(GROUP_IS_OFF), _moment(key.group.off_until))
        if (until := self._cooldowns.cooling_until(key.id, model)) > self._now:
            return self._cooling(key, model, until)
        return self._held(key, model) or self._free(key, model)

    def _cooling(self, key: PoolKey, model: str, until: float) -> KeyVerdict:
        moment = datetime.fromtimestamp(until, UTC)
        owners: list[int | str] = [key.id, key.project] if key.project else [key.id]
        found = [self._events.get((owner, scope)) for owner in owners for scope in ("", model)]
        event = max((each for each in found if each), key=lambda each: each.until, default=None)
        if event is None:
            return KeyVerdict(key, Reason.COOLING, "", moment)
        return KeyVerdict(key, Reason.COOLING, kind_word(event.kind), moment, event.id)

    def _held(self, key: PoolKey, model: str) -> KeyVerdict | None:
        """By the limit that lasts longest."""
        used = [measured(self._use, limit) for limit in self._book.of(key, model)]
        over = [each for each in used if each.part >= 1]
        if not over:
            return None
        longest = max(over, key=lambda each: (each.back_at is not None, each.back_at))
        reason = Reason.BUSY if longest.limit.meter is Meter.MAX_CONCURRENT else Reason.USED_UP
        detail = f"{used_text(longest)}, {source_text(longest.limit)}"
        return KeyVerdict(key, reason, detail, longest.back_at)

    def _free(self, key: PoolKey, model: str) -> KeyVerdict:
        is_tried = self._recovery.on_probation(key, model, self._now) is not None
        return KeyVerdict(key, Reason.PROBATION if is_tried else Reason.ANSWERS)

    @cached_property
    def _status_reasons(self) -> Mapping[int, str]:
        out = ApiKey.objects.exclude(status=KeyStatus.ACTIVE).order_by()
        return dict(out.values_list("pk", "status_reason"))

    @cached_property
    def _events(self) -> Mapping[tuple[int | str, str], ImposedBy]:
        """By owner and model, the one that ends last."""
        active = RateLimitEvent.objects.active(self._use.now).order_by("cooling_until", "id")
        columns = ("project", "key_id", "model", "id", "kind", "cooling_until")
        return {
            (project or key_id, model): ImposedBy(pk, kind, until)
            for project, key_id, model, pk, kind, until in active.values_list(*columns)
        }
