"""Kinds of verdicts by what their specs say, as text: as the database has them."""

from collections.abc import Callable

from proxyapp.provider.kind_spec import KindSpec, Until
from proxyapp.provider.kinds import Kind


def _where(is_true: Callable[[KindSpec], bool]) -> frozenset[str]:
    """As text, as the database has them."""
    return frozenset(kind for kind in Kind if is_true(kind.spec))


DAY_KINDS = _where(lambda spec: spec.is_for_a_day)


SPENT_DAY_KINDS = _where(lambda spec: spec.is_spent_day)


EASED_KINDS = _where(lambda spec: spec.is_eased)


BACK_OFF_KINDS = _where(lambda spec: spec.until in (Until.BACK_OFF, Until.SHORT_BACK_OFF))


CONDEMNING_KINDS = _where(lambda spec: spec.condemns)


EVENT_KINDS = tuple(kind for kind in Kind if kind.spec.has_events)
