"""What an operator sets of quotas, whatever it is of: what a field of it is, declared once."""

from typing import Any

from proxyapp.vocabulary.choices import MAX_CONCURRENT, Sticky, Tier, choice_values
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.limit_lines import limit_lines
from proxyapp.vocabulary.setting_field import in_lines

KNOWN_TIERS = ", ".join(choice_values(Tier))


def check_tier(value: str) -> str | None:
    if not value or value in choice_values(Tier):
        return None
    return _("is no tier whose limits are known; known are %(known)s") % {"known": KNOWN_TIERS}


def check_sticky(value: str) -> str | None:
    known = choice_values(Sticky)
    return (
        None
        if not value or value in known
        else _("must be off or one of %(known)s") % {"known": ", ".join(known)}
    )


# Empty: nobody's published limits are taken.
TIER: dict[str, Any] = {"check": lambda _: check_tier}
LIMITS: dict[str, Any] = {"sort": "limits", "shown": in_lines(limit_lines)}
# Empty: nothing is.
STICKY: dict[str, Any] = {"check": lambda _: check_sticky}
# None: as many as come.
CONCURRENCY: dict[str, Any] = {"sort": "number", "allowed": range(1, MAX_CONCURRENT + 1)}
