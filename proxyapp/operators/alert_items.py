"""What alerts tell of: what the dashboard says needs attention, and what it has no line for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.utils.translation import gettext as _

from proxyapp.models import ApiKey
from proxyapp.operators.attention import Item, RuntimeFacts, by_kind
from proxyapp.operators.budget_attention import near_budgets
from proxyapp.operators.charts import HOUR, Remembered
from proxyapp.operators.minutes import Totals, last_minutes, percentile
from proxyapp.operators.quota_report import QuotaChoice, QuotaRow, UsedLimit, quota_report
from proxyapp.operators.quota_texts import limit_name
from proxyapp.operators.standing import INVALID, Standing, read_facts
from proxyapp.operators.token_attention import of_clients
from proxyapp.operators.token_standing import read_clients
from proxyapp.pool.store import pool_version
from proxyapp.quota.share_grants import OF_DAY
from proxyapp.vocabulary.alert_kinds import DANGER, WARNING
from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.times import local_text

RECENT_MINUTES = 10
# Of fewer answers no share says anything.
FEWEST_ANSWERS = 20
# Of a sort, as on the dashboard.
MOST = 5
# The whole pool is looked at for it.
QUOTA_SECONDS, FACTS_SECONDS = 300.0, 60.0
# Each of their items is about something of its own, which its address tells.
OF_MANY = frozenset({"group_without_key", "exit", "running_dry", "token", "budget"})


@dataclass(frozen=True, slots=True)
class AlertItem:
    """`key`: the same as long as it is about the same. `value`: what a threshold is compared with;
    of keys that died, how many.
    """

    key: str
    kind: str
    level: str
    text: str
    value: int = 0


class AlertItems:
    """Remembers between two looks what costs much. Belongs to one thread at a time."""

    def __init__(self) -> None:
        self._facts = Remembered(read_facts, FACTS_SECONDS)
        self._dry = Remembered(_dry_projects, QUOTA_SECONDS)

    def read(self, facts: RuntimeFacts, now: datetime) -> list[AlertItem]:
        """Raises django.db.Error."""
        standing = self._stand(now)
        hour = last_minutes(now, HOUR)
        found = [
            *_told(by_kind(standing, hour, facts, now), standing),
            *_rates(hour[-RECENT_MINUTES:]),
            *self._dry.at(now),
            *_told(self._of_clients(now), standing),
        ]
        return _once(found)

    def _of_clients(self, now: datetime) -> Iterator[tuple[str, Iterable[Item]]]:
        yield "token", of_clients(read_clients(now), now)
        yield "budget", near_budgets(now)

    def _stand(self, now: datetime) -> Standing:
        facts = self._facts.kept(now)
        if facts is None or facts.version != pool_version():
            facts = self._facts.read(now)
        return Standing(facts, now)


def _told(kinds: Iterable[tuple[str, Iterable[Item]]], standing: Standing) -> Iterator[AlertItem]:
    for kind, items in kinds:
        for item in items:
            key = f"{kind} {item['url']}" if kind in OF_MANY else kind
            if kind == "key_died":
                count = standing.count(INVALID)
                yield AlertItem(key, kind, item["level"], f"{item['text']} {_latest()}", count)
            else:
                yield AlertItem(key, kind, item["level"], item["text"])


def _latest() -> str:
    """By their masked form."""
    dead = ApiKey.objects.filter(status=KeyStatus.INVALID).defer("secret").select_related("group")
    names = [
        _("%(key)s of group %(group)s") % {"key": key, "group": key.group.name}
        for key in dead.order_by("-updated_at")[:MOST]
    ]
    return _("The latest: %(keys)s.") % {"keys": ", ".join(names)} if names else ""


def _rates(minutes: Sequence[Totals]) -> Iterator[AlertItem]:
    """Of what clients saw; neither their own mistakes nor their own limits are failures."""
    failed = sum(minute.seen_no_key + minute.seen_upstream for minute in minutes)
    mine = sum(minute.seen_client_error + minute.seen_client_limit for minute in minutes)
    ended = failed + mine + sum(minute.seen_ok for minute in minutes)
    if ended < FEWEST_ANSWERS:
        return
    if percent := 100 * failed // ended:
        text = _(
            "%(percent)d %% of the last %(minutes)d minutes' requests were not answered well."
        ) % {"percent": percent, "minutes": RECENT_MINUTES}
        yield AlertItem("error_rate", "error_rate", DANGER, text, percent)
    latency = [sum(bucket) for bucket in zip(*(minute.latency for minute in minutes), strict=True)]
    seconds = (percentile(latency, 0.95) or 0) / 1000
    if seconds >= 1:
        text = _(
            "Of the last %(minutes)d minutes' answers one in twenty began after %(seconds)s s or"
            " more (p95)."
        ) % {"minutes": RECENT_MINUTES, "seconds": f"{seconds:.1f}"}
        yield AlertItem("slow", "slow", WARNING, text, int(seconds))


def _dry_projects(_: datetime) -> list[AlertItem]:
    rows = (row for row in quota_report(QuotaChoice(is_nearly_used_up=True)) if row.project)
    return list(islice((item for row in rows for item in _of_project(row)), MOST))


def _of_project(row: QuotaRow) -> Iterator[AlertItem]:
    for meter in row.meters:
        if meter.limit.meter in OF_DAY and (ends := _end_of(meter)):
            text, moment = ends
            what = text % {
                "project": row.project,
                "limit": limit_name(meter.limit.meter),
                "model": row.model or _("all models"),
                "number": f"{meter.limit.number:,}",
                "moment": local_text(moment),
            }
            key = f"project_dry {row.project} {row.model} {meter.limit.meter}"
            yield AlertItem(key[:300], "project_dry", WARNING, what)


def _end_of(meter: UsedLimit) -> tuple[str, datetime] | None:
    if meter.back_at is not None:
        text = _(
            "Project %(project)s has used up, until %(moment)s, its %(limit)s of %(model)s"
            " (%(number)s)."
        )
        return text, meter.back_at
    if meter.used_up_at is not None:
        text = _(
            "Project %(project)s will have used up by %(moment)s its %(limit)s of %(model)s"
            " (%(number)s)."
        )
        return text, meter.used_up_at
    return None


def _once(items: Iterable[AlertItem]) -> list[AlertItem]:
    """Of several about the same thing their texts."""
    found: dict[str, AlertItem] = {}
    for item in items:
        first = found.get(item.key)
        if first is not None:
            level = DANGER if DANGER in (first.level, item.level) else WARNING
            text = f"{first.text} {item.text}"
            item = AlertItem(item.key, item.kind, level, text, max(first.value, item.value))
        found[item.key] = item
    return list(found.values())
