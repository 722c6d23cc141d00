"""What the gateway's own question about a key can find, and when a dead key is asked again."""

from datetime import timedelta
from enum import StrEnum

from proxyapp.provider.kind_spec import Until
from proxyapp.provider.refusal import Refusal
from proxyapp.provider.refusal_rules import is_restricted, kind_of, names_a_dead_key


class ProbeOutcome(StrEnum):
    """INCONCLUSIVE: no answer, or one that says nothing of the key, such as a blocked method."""

    WORKS = "works"
    DEAD = "dead"
    INCONCLUSIVE = "inconclusive"


# API_KEY_INVALID has been seen for keys that work: the first looks come soon, the later ones cost
# a request a day for as long as the key is there.
AGAIN_AFTER = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
DAILY = timedelta(days=1)
# Nobody mends these within the hour.
FINAL_WORDS = ("leaked", "suspended")


def outcome_of_refusal(
    status: int, refusal: Refusal, path: bytes, *, is_key_in_place: bool, is_place_known: bool
) -> ProbeOutcome:
    """Of the gateway's own question, on this path.

    `is_key_in_place`: the key was sent alone, and where Google takes it. `is_place_known`: the
    target is known to take it where it was; another one calls every key bad that it does not find.
    """
    kind = kind_of(status, refusal, path, "", is_key_in_place=is_key_in_place)
    is_dead = kind.spec.until is Until.OPERATOR and not is_restricted(refusal)
    is_known = is_place_known or (is_key_in_place and names_a_dead_key(refusal))
    return ProbeOutcome.DEAD if is_dead and is_known else ProbeOutcome.INCONCLUSIVE


def again_after(deaths: int, message: str) -> timedelta:
    """`deaths`: how often in a row its probe found it dead, from 1. `message`: the provider's."""
    if any(word in message.lower() for word in FINAL_WORDS) or deaths > len(AGAIN_AFTER):
        return DAILY
    return AGAIN_AFTER[max(deaths, 1) - 1]
