"""What a group's policy, a group's way to sign and a key's status may be. For pure code: no ORM.

A choice with a sentence says it in its label, which is what forms offer.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

DEFAULT_TARGET_URL = "https://generativelanguage.googleapis.com"
# A round of a ring has as many slots as all weights together.
MAX_WEIGHT = 10
MAX_PRIORITY = 100
MAX_EMPTY_RETRIES = 5
MAX_CONCURRENT = 100_000
MAX_TIER_LENGTH = 40
# Of a day's quota.
MIN_SPILL = 0.01
# Of the admin's pages, each with its own name for itself.
LANGUAGES = {"en": "English", "zh-hans": "简体中文"}


class RateLimitPolicy(StrEnum):
    DAILY = "daily"
    QUOTA_AWARE = "quota_aware"


# Of groups that are made in the admin. The config file's own stays `daily`.
POLICY_OF_NEW_GROUPS = RateLimitPolicy.QUOTA_AWARE


class Strategy(StrEnum):
    """Which of the available keys answers next."""

    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    LEAST_USED = "least_used"
    FILL_FIRST = "fill_first"


class Sticky(StrEnum):
    """What keeps a conversation at one project."""

    SESSION = "session"
    PREFIX = "prefix"


class Auth(StrEnum):
    """The ways that have a name; `auth_places` knows the others."""

    AUTO = "auto"
    GOOGLE = "google"
    BOTH = "both"
    X_GOOG_API_KEY = "x-goog-api-key"
    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    API_KEY = "api-key"


class Tier(StrEnum):
    """Of Google's, whose published limits are in `quota/tiers.yaml`."""

    FREE = "free"
    TIER_1 = "tier-1"


class KeyStatus(StrEnum):
    """What is stored; whether an active key is cooling follows from its events and the time."""

    ACTIVE = "active"
    DISABLED = "disabled"
    INVALID = "invalid"


LABELS: dict[StrEnum, "str | _StrPromise"] = {
    Strategy.ROUND_ROBIN: _("round_robin: one after the other"),
    Strategy.WEIGHTED: _("weighted: one after the other, each as often as its weight says"),
    Strategy.LEAST_USED: _("least_used: the one whose project has used the least of today's quota"),
    Strategy.FILL_FIRST: _("fill_first: one project until it has nothing left, then the next"),
    RateLimitPolicy.DAILY: _("daily: any 429 takes the key out until the next reset"),
    RateLimitPolicy.QUOTA_AWARE: _("quota_aware: does what the provider's answer says"),
    Tier.FREE: "free",
    Tier.TIER_1: "tier-1",
    Sticky.SESSION: _("session: the name that a client gives it"),
    Sticky.PREFIX: _("prefix: that name, or else what the prompt begins with"),
    KeyStatus.ACTIVE: _("Active"),
    KeyStatus.DISABLED: _("Disabled"),
    KeyStatus.INVALID: _("Invalid"),
}


def choice_values(choices: type[StrEnum]) -> list[str]:
    """In the order of their definition."""
    return [choice.value for choice in choices]


def labelled(choices: type[StrEnum]) -> list[tuple[str, "str | _StrPromise"]]:
    """As Django's fields take them."""
    return [(choice.value, LABELS[choice]) for choice in choices]
