"""What the gateway's own question about a key can find, and when a dead key is asked again."""

from datetime import timedelta
from enum import StrEnum


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


def again_after(deaths: int, message: str) -> timedelta:
    """`deaths`: how often in a row its probe found it dead, from 1. `message`: the provider's."""
    if any(word in message.lower() for word in FINAL_WORDS) or deaths > len(AGAIN_AFTER):
        return DAILY
    return AGAIN_AFTER[max(deaths, 1) - 1]
