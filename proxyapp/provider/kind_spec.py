"""What can be said of a kind of verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from proxyapp.provider.violations import Violation

Tone = Literal["info", "primary", "warning", "danger"]


class Scope(StrEnum):
    """Whom a verdict concerns."""

    KEY = "key"
    PROJECT = "project"
    GROUP = "group"


class Retry(StrEnum):
    """What may still answer the request. RELAY: nothing, so the client gets the refusal."""

    NEXT_KEY = "next_key"
    OTHER_GROUP = "other_group"
    BACK_OFF = "back_off"
    RELAY = "relay"


class Until(StrEnum):
    """What ends it. OPERATOR: no time does, the key is invalid. NOTHING: nothing is taken out."""

    STATED_DELAY = "stated_delay"
    BACK_OFF = "back_off"
    SHORT_BACK_OFF = "short_back_off"
    MIDNIGHT = "midnight"
    DAILY_RESET = "daily_reset"
    OPERATOR = "operator"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSpec:
    """`meaning`: what the provider said. `probe_says`: what a test of the key makes of it.

    `tone`: of its badge; danger waits for somebody, warning for another day, info passes.
    `is_for_model`: not for all of them. `obeys_header`: a Retry-After decides the time instead.
    `is_eased`: what comes back is tried by one request first. `is_spent_day`: a day's quota was
    used up, and not merely refused. `needs_proof`: it counts when another key has answered.
    `is_attempt`: MAX_ATTEMPTS counts it. `is_of_way`: it refuses how the request came there.
    `unstated_seconds`: where a delay may be stated and is not. `widens_to`: the kind that it is
    when a second model of the same owner says the same. `is_decisive`: whether a quota is the one
    that the verdict is about; None where no quota is.
    """

    name: str
    label: str
    meaning: str
    is_for_model: bool
    scope: Scope = Scope.KEY
    until: Until = Until.NOTHING
    retry: Retry = Retry.NEXT_KEY
    tone: Tone = "info"
    probe_says: str = ""
    obeys_header: bool = False
    is_eased: bool = False
    is_spent_day: bool = False
    needs_proof: bool = False
    is_attempt: bool = True
    is_of_way: bool = False
    unstated_seconds: int = 60
    widens_to: str = ""
    is_decisive: Callable[[Violation], bool] | None = None

    @property
    def condemns(self) -> bool:
        return self.until is Until.OPERATOR

    @property
    def is_for_a_day(self) -> bool:
        return self.until in (Until.MIDNIGHT, Until.DAILY_RESET)

    @property
    def has_events(self) -> bool:
        return self.until is not Until.NOTHING or self.obeys_header
