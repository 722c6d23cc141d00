"""What an upstream's refusal means for the key. The only place that reads one."""

from dataclasses import dataclass
from datetime import datetime

from proxyapp.resets import next_daily_reset

EXCERPT_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Verdict:
    """A cooldown: of which kind, for which model (empty: all), and until when."""

    kind: str
    model: str
    until: datetime


def judge(*, status: int, now: datetime) -> Verdict | None:
    """None: the answer says nothing against the key and is relayed."""
    if status == 429:
        return Verdict(kind="daily", model="", until=next_daily_reset(now))
    return None


def excerpt(body: bytes, secret: str, masked: str) -> str:
    """The start of a body as text that is safe to store: without the key, even where the body repeats it."""
    text = body.decode("utf-8", "replace").replace("\x00", "")
    return text.replace(secret, masked)[:EXCERPT_CHARACTERS]
