"""The quota report for programs, and in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from proxyapp.operators.quota_report import QuotaRow, UsedLimit
from proxyapp.quota.limit_book import Limit
from proxyapp.vocabulary.limits import Meter
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.times import iso_utc
from proxyapp.vocabulary.told import shown

SHORT = {
    Meter.REQUESTS_PER_MINUTE: gettext_noop("requests/min"),
    Meter.INPUT_TOKENS_PER_MINUTE: gettext_noop("input tokens/min"),
    Meter.REQUESTS_PER_DAY: gettext_noop("requests/day"),
    Meter.TOKENS_PER_DAY: gettext_noop("tokens/day"),
    Meter.MAX_CONCURRENT: gettext_noop("at a time"),
}


def limit_name(meter: Meter) -> str:
    return _(SHORT[meter])


def source_text(limit: Limit) -> str:
    """Where it comes from, as a page shows it."""
    return shown(limit.source)


def quota_json(rows: Sequence[QuotaRow]) -> list[Mapping[str, Any]]:
    """The contract of `manage.py quota --json`."""
    return [_row_json(row) for row in rows]


def _row_json(row: QuotaRow) -> Mapping[str, Any]:
    is_of_key = row.owner.startswith("key:")
    return {
        "owner": row.owner,
        "project": row.project or row.key.project if not row.owner.startswith("group:") else "",
        "key": {"id": row.key.id, "name": row.key.name, "masked": row.key.masked}
        if is_of_key
        else None,
        "groups": list(row.groups),
        "model": row.model,
        "requests_today": row.today.requests,
        "tokens_today": row.today.llm_tokens,
        "limits": [_meter_json(meter) for meter in row.meters],
        "cooling_until": _iso(row.cooling_until),
    }


def _meter_json(meter: UsedLimit) -> Mapping[str, Any]:
    return {
        "meter": str(meter.limit.meter),
        "used": meter.used,
        **_limit_json(meter.limit),
        "part": round(meter.part, 4),
        "used_up_at": _iso(meter.used_up_at),
        "back_at": _iso(meter.back_at),
        "less_strict": [_limit_json(limit) for limit in meter.beaten],
    }


def _limit_json(limit: Limit) -> Mapping[str, Any]:
    return {"limit": limit.number, "source": str(limit.source)}


def _iso(moment: datetime | None) -> str | None:
    return iso_utc(moment) if moment is not None else None


def used_text(meter: UsedLimit) -> str:
    """`8 of 10 requests/min (80 %)`; what is nearly all is not called all."""
    percent = "> 999" if meter.part >= 10 else int(meter.part * 100)
    return _("%(used)s of %(number)s %(limit)s (%(percent)s %%)") % {
        "used": f"{meter.used:,}",
        "number": f"{meter.limit.number:,}",
        "limit": limit_name(meter.limit.meter),
        "percent": percent,
    }
