"""The words of messages."""

import platform
from datetime import datetime, tzinfo

from proxyapp.alerts.sending import Letter
from proxyapp.alerts.story import Happened, Message, lines_of


def letter_of(message: Message, zone: tzinfo) -> Letter:
    lines = [_line(word, happened, zone) for word, happened in lines_of(message)]
    if message.more:
        lines.append(f"And {message.more} more: see the dashboard.")
    return Letter(_title(message), "\n".join(lines), message.kind)


def outage_letter(reason: str, since: datetime, until: datetime | None, zone: tzinfo) -> Letter:
    began = _clock(since.timestamp(), zone)
    if until is None:
        text = (
            f"The database has been away since {began} ({reason}). Requests are served from memory,"
            " and what happens is written when it is back."
        )
        return Letter(f"{_name()}: the database is away", text, "failure")
    seconds = (until - since).total_seconds()
    text = f"The database is back: it was away for {seconds:.0f} s, since {began}."
    return Letter(f"{_name()}: the database is back", text, "success")


def _title(message: Message) -> str:
    counts = (
        (len(message.started), "needs attention", "need attention"),
        (len(message.ended), "is over", "are over"),
        (len(message.passed), "came and went", "came and went"),
    )
    said = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return f"{_name()}: {', '.join(said)}"


def _line(word: str, happened: Happened, zone: tzinfo) -> str:
    began = _clock(happened.since, zone)
    if word == "since":
        return f"Since {began}: {happened.text}"
    ended = _clock(happened.until, zone)
    return f"{'Over' if word == 'over' else 'Meanwhile'}, from {began} to {ended}: {happened.text}"


def _clock(moment: float, zone: tzinfo) -> str:
    local = datetime.fromtimestamp(moment, zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def _name() -> str:
    """Which of several gateways it is."""
    return f"Gateway {platform.node()[:60] or 'without a name'}"
