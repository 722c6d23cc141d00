"""What refusals have told of limits, in the database."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.db.models import Q, Sum

from proxyapp.models import HourlyUsage, LearnedLimit
from proxyapp.pool.change_log import Touched
from proxyapp.pool.cursor import raise_pool_version
from proxyapp.pool.learned_limits import Learned
from proxyapp.provider.reset_times import PACIFIC
from proxyapp.vocabulary.limits import Meter

FORGOTTEN_AFTER = timedelta(days=30)
COLUMNS = ("pk", "owner", "model", "meter", "number", "quota_id", "learned_at")
OF_DAY = frozenset({Meter.REQUESTS_PER_DAY, Meter.TOKENS_PER_DAY})


def read_learned(ids: Collection[int] | None = None) -> dict[int, Learned]:
    """All, or these."""
    rows = LearnedLimit.objects.order_by()
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    return {row[0]: Learned(*row[1:]) for row in rows.values_list(*COLUMNS)}


def write_learned(learned: Iterable[Learned]) -> frozenset[int]:
    """The ids of the rows that changed. For a transaction that holds the pool's lock.

    A limit below what has been answered by now is none.
    """
    ids = set()
    latest = {each.place: each for each in learned}
    for each in latest.values():
        if _answered(each) > _most(each):
            continue
        row, _ = LearnedLimit.objects.update_or_create(
            owner=each.owner,
            model=each.model,
            meter=each.meter,
            defaults={
                "number": each.number,
                "quota_id": each.quota_id[:200],
                "learned_at": each.at,
            },
        )
        ids.add(row.pk)
    return frozenset(ids)


def forget_learned(owner: str, model: str, meter: str) -> bool:
    """Whether it was there: more was answered than it allows."""
    return _forget(Q(owner=owner, model=model, meter=meter))


def forget_old_limits(now: datetime) -> bool:
    return _forget(Q(learned_at__lt=now - FORGOTTEN_AFTER))


def _forget(which: Q) -> bool:
    if not LearnedLimit.objects.filter(which).exists():
        return False
    with transaction.atomic():
        ids = frozenset(LearnedLimit.objects.filter(which).values_list("pk", flat=True))
        raise_pool_version(Touched(learned=ids))
        LearnedLimit.objects.filter(pk__in=ids).delete()
    return bool(ids)


def _since(learned: Learned) -> datetime:
    """Hours are counted: of a minute, those of the present one."""
    if learned.meter in OF_DAY:
        date = learned.at.astimezone(PACIFIC).date()
        return datetime.combine(date, time(), tzinfo=PACIFIC).astimezone(UTC)
    return learned.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _most(learned: Learned) -> int:
    """How much the limit lets through in that time."""
    if learned.meter in OF_DAY:
        return learned.number
    minutes = (learned.at - _since(learned)) // timedelta(minutes=1)
    return learned.number * (minutes + 2)


def _answered(learned: Learned) -> int:
    kind, _, name = learned.owner.partition(":")
    whose = Q(key__project=name) if kind == "project" else Q(key_id=int(name))
    rows = HourlyUsage.objects.filter(whose, model=learned.model, hour__gte=_since(learned))
    sums = rows.aggregate(*map(Sum, ("succeeded", "prompt_tokens", "output_tokens")))
    requests, prompt, output = (
        sums[f"{name}__sum"] or 0 for name in ("succeeded", "prompt_tokens", "output_tokens")
    )
    match learned.meter:
        case Meter.INPUT_TOKENS_PER_MINUTE:
            return int(prompt)
        case Meter.TOKENS_PER_DAY:
            return int(prompt + output)
    return int(requests)
