"""Which limits a refusal states, in the details that only the provider writes.

Words of its message may be a client's own, and teach nothing.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from proxyapp.provider.features import feature_of_quota, plain_scope
from proxyapp.provider.violations import QuotaWindow, Violation, windows_in
from proxyapp.vocabulary.limits import HIGHEST_LIMIT, Meter

_OF_A_MODEL = "permodel"
_SEPARATORS = re.compile(r"[^a-z]+")
_REQUESTS = {
    QuotaWindow.MINUTE: Meter.REQUESTS_PER_MINUTE,
    QuotaWindow.DAY: Meter.REQUESTS_PER_DAY,
}


class StatedLimit(NamedTuple):
    meter: Meter
    number: int
    quota_id: str


def stated_limits(violations: Iterable[Violation], quota_scope: str) -> tuple[StatedLimit, ...]:
    """Those of the model that was asked, each meter's lowest. Of 0 a cooldown knows more."""
    model = plain_scope(quota_scope)
    if not model or model.startswith("/") or ":" in model:
        return ()
    lowest: dict[Meter, StatedLimit] = {}
    for limit in sorted(_stated(violations, model), key=lambda limit: limit.number):
        lowest.setdefault(limit.meter, limit)
    return tuple(lowest.values())


def _stated(violations: Iterable[Violation], model: str) -> Iterator[StatedLimit]:
    for violation in violations:
        if violation.model.removeprefix("models/") not in ("", model):
            continue
        number = int(violation.stated) if re.fullmatch(r"\d{1,13}", violation.stated) else 0
        meter = meter_of_quota(violation)
        if meter is not None and 0 < number <= HIGHEST_LIMIT:
            yield StatedLimit(meter, number, violation.quota_id)


def meter_of_quota(violation: Violation) -> Meter | None:
    """None: it counts something else, or nobody knows what."""
    quota_id = _SEPARATORS.sub("", violation.quota_id.lower())
    windows = windows_in(violation.quota_id)
    if _OF_A_MODEL not in quota_id or len(windows) != 1 or feature_of_quota(violation.words):
        return None
    (window,) = windows
    if "inputtoken" in quota_id:
        return Meter.INPUT_TOKENS_PER_MINUTE if window is QuotaWindow.MINUTE else None
    if "token" in quota_id:
        return Meter.TOKENS_PER_DAY if window is QuotaWindow.DAY else None
    return _REQUESTS.get(window) if "request" in quota_id else None
