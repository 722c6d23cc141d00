"""The kinds of verdicts: what each one is, said once.

Whoever has to know more of a kind than its name asks its spec. A new kind is one entry here, and a
rule in `refusal_rules` that gives it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from proxyapp.provider.kind_spec import KindSpec, Retry, Scope, Until
from proxyapp.provider.violations import QuotaWindow
from proxyapp.vocabulary.marks import gettext_noop as _

TOO_OFTEN = _("asked too often, which says nothing against the key")


class Kind(StrEnum):
    spec: KindSpec

    def __new__(cls, spec: KindSpec) -> Self:
        kind = str.__new__(cls, spec.name)
        kind._value_ = spec.name
        kind.spec = spec
        return kind

    DAILY = KindSpec(
        name="daily",
        is_for_model=False,
        until=Until.DAILY_RESET,
        label=_("daily policy"),
        tone="warning",
        meaning=_("any 429"),
        is_spent_day=True,
        is_attempt=False,
    )
    MINUTE = KindSpec(
        name="minute",
        scope=Scope.PROJECT,
        is_for_model=True,
        until=Until.STATED_DELAY,
        label=_("minute limit"),
        meaning=_("requests or tokens a minute"),
        probe_says=TOO_OFTEN,
        obeys_header=True,
        is_decisive=lambda quota: QuotaWindow.MINUTE in quota.windows,
    )
    DAY = KindSpec(
        name="day",
        scope=Scope.PROJECT,
        is_for_model=True,
        until=Until.MIDNIGHT,
        label=_("day limit"),
        tone="warning",
        meaning=_("requests a day, whatever short delay it states"),
        probe_says=TOO_OFTEN,
        obeys_header=True,
        is_eased=True,
        is_spent_day=True,
        is_decisive=lambda quota: QuotaWindow.DAY in quota.windows,
    )
    NO_QUOTA = KindSpec(
        name="no_quota",
        scope=Scope.PROJECT,
        is_for_model=True,
        until=Until.MIDNIGHT,
        label=_("no quota"),
        tone="danger",
        meaning=_("limit 0: the project has no quota for the model"),
        probe_says=TOO_OFTEN,
        is_eased=True,
        is_decisive=lambda quota: quota.is_zero,
    )
    TOO_LARGE = KindSpec(
        name="too_large",
        is_for_model=True,
        retry=Retry.RELAY,
        label=_("larger than the limit"),
        meaning=_("a request that is larger by itself than the limit that the 429 names"),
    )
    SPEND = KindSpec(
        name="spend",
        scope=Scope.PROJECT,
        is_for_model=False,
        until=Until.STATED_DELAY,
        label=_("spend rate"),
        tone="warning",
        meaning=_("money is spent too fast: a limit of the whole account in some minutes"),
        probe_says=TOO_OFTEN,
        obeys_header=True,
        unstated_seconds=600,
    )
    UNKNOWN_LIMIT = KindSpec(
        name="unknown_limit",
        is_for_model=True,
        until=Until.BACK_OFF,
        label=_("unknown limit"),
        tone="primary",
        meaning=_("a 429 that names no window"),
        probe_says=TOO_OFTEN,
        obeys_header=True,
        is_decisive=lambda quota: True,
    )
    BILLING = KindSpec(
        name="billing",
        scope=Scope.PROJECT,
        is_for_model=False,
        until=Until.MIDNIGHT,
        label=_("billing"),
        tone="danger",
        meaning=_("prepaid money or a spending cap is used up"),
        probe_says=_("its project does not pay"),
        is_eased=True,
    )
    MODEL_BILLING = KindSpec(
        name="model_billing",
        scope=Scope.PROJECT,
        is_for_model=True,
        until=Until.MIDNIGHT,
        label=_("money for the model"),
        tone="danger",
        meaning=_("402, or a 403 or 400 that asks for billing (a second model: `billing`)"),
        probe_says=_("its project does not pay"),
        is_eased=True,
        widens_to="billing",
    )
    TOO_DEAR = KindSpec(
        name="too_dear",
        is_for_model=True,
        label=_("too dear a request"),
        meaning=_("402: the money left would pay for a smaller request"),
    )
    DEAD_KEY = KindSpec(
        name="dead_key",
        is_for_model=False,
        until=Until.OPERATOR,
        label=_("dead key"),
        tone="danger",
        meaning=_("the key is invalid, expired, leaked, suspended or restricted"),
        probe_says=_("the key is dead"),
    )
    UNPROVEN = KindSpec(
        name="unproven",
        scope=Scope.KEY,
        is_for_model=False,
        until=Until.SHORT_BACK_OFF,
        retry=Retry.NEXT_KEY,
        label=_("unproven"),
        tone="info",
        meaning=_("called dead, and the gateway's own question got no clear answer"),
        probe_says="",  # it is what a test leaves open
    )
    MODEL_FOR_KEY = KindSpec(
        name="model_for_key",
        is_for_model=True,
        until=Until.MIDNIGHT,
        label=_("model not for this key"),
        tone="warning",
        meaning=_("this key may not use the model (and another may: shown by its success)"),
        needs_proof=True,
    )
    EGRESS = KindSpec(
        name="egress",
        is_of_way=True,
        scope=Scope.GROUP,
        is_for_model=False,
        retry=Retry.OTHER_GROUP,
        label=_("way out refused"),
        tone="danger",
        meaning=_("the proxy's exit, or this machine, is in an unsupported region"),
        probe_says=_("refused for where the request comes from, not for its key"),
    )
    SERVER = KindSpec(
        name="server",
        is_for_model=True,
        retry=Retry.BACK_OFF,
        label=_("server error"),
        meaning=_("5xx, overloaded, cancelled"),
        probe_says=_("the provider is in trouble, which says nothing against the key"),
        obeys_header=True,
    )
    WRONG_KEY = KindSpec(
        name="wrong_key",
        is_for_model=True,
        retry=Retry.RELAY,
        label=_("another key's"),
        meaning=_("a file, cache or batch of another project, or gone"),
    )
    PROXY_FAULT = KindSpec(
        name="proxy_fault",
        is_of_way=True,
        is_for_model=False,
        retry=Retry.RELAY,
        label=_("credentials"),
        tone="danger",
        meaning=_("missing, malformed or several credentials"),
        probe_says=_(
            "the key did not arrive where it is looked for: check the group's auth and proxy"
        ),
    )
    REQUEST = KindSpec(
        name="request",
        is_for_model=True,
        retry=Retry.RELAY,
        label=_("request"),
        meaning=_("the client's own mistake"),
    )


SPECS: Mapping[str, KindSpec] = MappingProxyType({kind.value: kind.spec for kind in Kind})


def label_of(kind: str) -> str:
    """The spec's; of a kind that another version wrote, its name."""
    return SPECS[kind].label if kind in SPECS else kind.replace("_", " ")
