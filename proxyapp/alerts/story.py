"""What one channel is told, decided from what needs attention now. Pure: no database, no clock.

One message when something starts and one when it ends. Nothing is told that is gone after a moment.
Until a message is delivered, and for a pause after it, what starts and ends is gathered for the
next: so a storm is one message a pause, and a service that is down one message in all.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from proxyapp.operators.alert_items import AlertItem
from proxyapp.vocabulary.alert_kinds import DANGER

# Lines of one message and of what is remembered; the others are counted.
MOST_LINES, MOST_ENTRIES = 20, 200
LONGEST_LINE = 400
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 30.0, 1800.0
GIVEN_UP_AFTER_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class TellingPace:
    """In seconds. `after`: so long something is there before it is told, and twice as long gone
    before its end is. `pause`: between two messages.
    """

    after: float
    pause: float


@dataclass(frozen=True, slots=True)
class Peace:
    """Of a moment: whether the channel's hours are quiet, and what they hold back."""

    is_quiet: bool = False
    urgent_passes: bool = True

    def holds(self, level: str) -> bool:
        return self.is_quiet and not (self.urgent_passes and level == DANGER)


@dataclass(slots=True)
class OpenAlert:
    """Times are seconds since the epoch; 0: not yet. `told_value`: as it was when it was told."""

    kind: str
    level: str
    text: str
    since: float
    seen_at: float
    value: int = 0
    told_at: float = 0.0
    told_value: int = 0
    gone_at: float = 0.0


@dataclass(slots=True)
class Happened:
    """What came and went without being told."""

    text: str
    since: float
    until: float


@dataclass(slots=True)
class Message:
    started: list[Happened] = field(default_factory=list)
    ended: list[Happened] = field(default_factory=list)
    passed: list[Happened] = field(default_factory=list)
    is_urgent: bool = False
    more: int = 0
    made_at: float = 0.0
    tries: int = 0
    due_at: float = 0.0

    @property
    def kind(self) -> str:
        """Apprise's."""
        if self.started:
            return "failure" if self.is_urgent else "warning"
        return "success" if self.ended else "info"


@dataclass(slots=True)
class Story:
    entries: dict[str, OpenAlert] = field(default_factory=dict)
    passed: list[Happened] = field(default_factory=list)
    message: Message | None = None
    spoken_at: float = 0.0

    def hear(self, items: Iterable[AlertItem], pace: TellingPace, now: float) -> None:
        """`items`: all that the channel wants to know of at this look."""
        present = {item.key: item for item in items}
        for key, item in present.items():
            if key in self.entries or len(self.entries) < MOST_ENTRIES:
                self._there(key, item, now)
        for key in [key for key in self.entries if key not in present]:
            self._gone(key, pace, now)

    def forget_unwanted(self, wanted: Iterable[str]) -> None:
        """Kinds that the channel is no longer told of, not even of their end."""
        kinds = set(wanted)
        self.entries = {k: entry for k, entry in self.entries.items() if entry.kind in kinds}

    def _there(self, key: str, item: AlertItem, now: float) -> None:
        text = item.text[:LONGEST_LINE]
        entry = self.entries.get(key)
        if entry is None:
            self.entries[key] = OpenAlert(item.kind, item.level, text, now, now, item.value)
            return
        entry.level, entry.text, entry.value = item.level, text, item.value
        entry.since = min(entry.since, now)  # a clock that was set back
        entry.seen_at, entry.gone_at = now, 0.0

    def _gone(self, key: str, pace: TellingPace, now: float) -> None:
        entry = self.entries[key]
        if entry.told_at:
            entry.gone_at = min(entry.gone_at or now, now)
            return
        if _has_settled(entry, pace):
            self.passed.append(Happened(entry.text, entry.since, now))
            del self.passed[:-MOST_LINES]
        del self.entries[key]

    def speak(self, pace: TellingPace, peace: Peace, now: float) -> None:
        """Makes the next message, if there is something to say and it is time to."""
        if self.message is not None or 0 <= now - self.spoken_at < pace.pause:
            return
        told = [entry for entry in self.entries.values() if not peace.holds(entry.level)]
        started = [entry for entry in told if _is_new(entry, pace)]
        ended = [entry for entry in told if _is_over(entry, pace, now)]
        passed = [] if peace.is_quiet else self.passed
        if not (started or ended or passed):
            return
        self.message = _message(started, ended, passed, now)
        for entry in started:
            entry.told_at, entry.told_value = now, entry.value
        self.entries = {k: entry for k, entry in self.entries.items() if entry not in ended}
        self.passed = self.passed if peace.is_quiet else []
        self.spoken_at = now

    def delivered(self) -> None:
        self.message = None

    def failed(self, now: float) -> bool:
        """Whether the message is given up."""
        message = self.message
        if message is None:
            return False
        message.due_at = now + min(RETRY_SECONDS * 2**message.tries, LONGEST_RETRY_SECONDS)
        message.tries = min(message.tries + 1, 20)
        if now - message.made_at < GIVEN_UP_AFTER_SECONDS:
            return False
        self.message = None
        return True

    @property
    def due_at(self) -> float:
        return self.message.due_at if self.message else 0.0

    def is_due(self, now: float) -> bool:
        """A time far to come is a clock's error."""
        message = self.message
        return message is not None and not 0 < message.due_at - now <= LONGEST_RETRY_SECONDS

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Story":
        """Begins anew where another version kept it in another form."""
        try:
            return cls(
                {key: OpenAlert(**entry) for key, entry in kept.get("entries", {}).items()},
                _happened(kept.get("passed", ())),
                _read_message(kept.get("message")),
                float(kept.get("spoken_at", 0.0)),
            )
        except (TypeError, ValueError, AttributeError):
            return cls()


def _has_settled(entry: OpenAlert, pace: TellingPace) -> bool:
    return entry.seen_at - entry.since >= pace.after


def _is_new(entry: OpenAlert, pace: TellingPace) -> bool:
    """Also of keys that died: more than were told of."""
    if entry.gone_at:
        return False
    if entry.told_at:
        return entry.kind == "key_died" and entry.value > entry.told_value
    return _has_settled(entry, pace)


def _is_over(entry: OpenAlert, pace: TellingPace, now: float) -> bool:
    return bool(entry.gone_at) and now - entry.gone_at >= 2 * pace.after


def _message(
    started: list[OpenAlert], ended: list[OpenAlert], passed: list[Happened], now: float
) -> Message:
    first = sorted(started, key=lambda entry: entry.level != DANGER)
    return Message(
        [Happened(entry.text, entry.since, 0.0) for entry in first[:MOST_LINES]],
        [Happened(entry.text, entry.since, entry.gone_at) for entry in ended[:MOST_LINES]],
        passed[:MOST_LINES],
        any(entry.level == DANGER for entry in started),
        sum(max(len(lines) - MOST_LINES, 0) for lines in (started, ended)),
        now,
    )


def _happened(kept: Iterable[Mapping[str, Any]]) -> list[Happened]:
    return [Happened(**each) for each in kept]


def _read_message(kept: Mapping[str, Any] | None) -> Message | None:
    if not kept:
        return None
    lists = {name: _happened(kept[name]) for name in ("started", "ended", "passed")}
    return Message(**{**kept, **lists})


def lines_of(message: Message) -> Iterator[tuple[str, Happened]]:
    for word, happened in (
        ("since", message.started),
        ("over", message.ended),
        ("meanwhile", message.passed),
    ):
        for each in happened:
            yield word, each
