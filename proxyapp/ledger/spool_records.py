"""What the spool keeps, as JSON: one line a record."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from proxyapp.ledger.client_usage import CLIENT_COLUMNS, ClientCounts, ClientPlace
from proxyapp.ledger.outcomes import TIME_COLUMNS, SeenPlace, TimesPlace
from proxyapp.ledger.usage import (
    COLUMNS,
    AttemptCounter,
    ClientAnswers,
    Minute,
    UsagePlace,
    UsageTally,
)
from proxyapp.models import SEEN_COLUMNS
from proxyapp.pool.cooldown_rows import NewCooldown
from proxyapp.pool.learned_limits import Learned
from proxyapp.resources.known import ResourceChange
from proxyapp.resources.spooled import spooled_resources

# They stand apart: a gateway that is older than they refuses a count with a column that it does not
# know, and may have to read this one's files.
LATER_COLUMNS = (
    "cached_tokens",
    "thought_tokens",
    "tool_use_tokens",
    "not_allowed",
    "cost_micros",
    "unpriced_tokens",
)
ATTEMPT_COLUMNS = tuple(column for column in COLUMNS if column not in LATER_COLUMNS)
TOKEN_COLUMNS = tuple(column for column in CLIENT_COLUMNS if column not in LATER_COLUMNS)
Place = TypeVar("Place")
Counts = TypeVar("Counts", AttemptCounter, ClientCounts)


class SpooledRequests(NamedTuple):
    """Rows of the request log, and how many of each minute are left out of it."""

    columns: list[str]
    rows: list[list[Any]]
    left_out: dict[int, list[int]]


@dataclass(frozen=True, slots=True)
class Record:
    """`line`: as it stands in the file. `number`: its own in the file, counted from 1."""

    line: bytes
    number: int
    cooldowns: list[NewCooldown] = field(default_factory=list)
    tally: UsageTally = field(default_factory=UsageTally)
    resources: list[ResourceChange] = field(default_factory=list)
    requests: "SpooledRequests | None" = None


def cooldowns_record(cooldowns: Sequence[NewCooldown]) -> dict[str, Any]:
    """What was learned, and of which request, stands apart: an older gateway takes no more of a
    cooldown than it knows.
    """
    learned = [[*each[:-1], each.at.isoformat()] for one in cooldowns for each in one.learned]
    record = {"cooldowns": [_cooldown_row(cooldown) for cooldown in cooldowns]}
    ids = [cooldown.request_id for cooldown in cooldowns]
    apart = {"learned": learned, "request_ids": ids if any(ids) else []}
    return record | {name: values for name, values in apart.items() if values}


def usage_record(tally: UsageTally) -> dict[str, Any]:
    counts, clients, minutes = tally.counts, tally.clients.counts, tally.minutes
    attempts = {number: minute.attempts for number, minute in minutes.items()}
    return {
        "usage": [[*place, _columns(count, ATTEMPT_COLUMNS)] for place, count in counts.items()],
        "minutes": [
            [
                number,
                {"attempts": _columns(attempts[number], ATTEMPT_COLUMNS)}
                | {"answers": asdict(minute.answers)},
            ]
            for number, minute in minutes.items()
        ],
        "last_used": list(tally.last_used.items()),
        "clients": [[*place, _columns(count, TOKEN_COLUMNS)] for place, count in clients.items()],
        "clients_used": list(tally.clients.last_used.items()),
        "usage_later": [[*place, later] for place, later in _later(counts)],
        "minutes_later": list(_later(attempts)),
        "clients_later": [[*place, later] for place, later in _later(clients)],
        "minutes_seen": [[number, each.seen] for number, each in minutes.items() if any(each.seen)],
        "seen": [[*place, counted] for place, counted in tally.outcomes.counts.items()],
        "times": [[*place, counted] for place, counted in tally.outcomes.times.items()],
    }


def _columns(counts: AttemptCounter | ClientCounts, columns: Iterable[str]) -> dict[str, int]:
    """As `asdict`, which takes ten times as long: it copies every number."""
    return {column: getattr(counts, column) for column in columns}


def _later(counts: Mapping[Place, Counts]) -> Iterator[tuple[Place, dict[str, int]]]:
    for place, count in counts.items():
        later = {name: number for name in LATER_COLUMNS if (number := getattr(count, name, 0))}
        if later:
            yield place, later


def encoded_record(number: int, record: dict[str, Any]) -> bytes:
    return json.dumps({"n": number, **record}).encode() + b"\n"


def decoded_record(lines: Iterable[bytes]) -> tuple[list[Record], list[bytes]]:
    """The records, and the lines that make no sense.

    A last line that a crash cut off is left out.
    """
    records, senseless = [], []
    for position, line in enumerate(lines, start=1):
        try:
            records.append(_record(position, line))
        except (ValueError, TypeError, KeyError, AttributeError):
            if line.endswith(b"\n"):
                senseless.append(line)
    return records, senseless


def _record(position: int, line: bytes) -> Record:
    """Older versions of the gateway wrote no numbers."""
    record = json.loads(line)
    cooldowns = [_cooldown(row) for row in record.get("cooldowns", [])]
    learned = tuple(_learned(row) for row in record.get("learned", []))
    if learned and cooldowns:
        cooldowns[0] = replace(cooldowns[0], learned=learned)
    for index, request_id in enumerate(record.get("request_ids", [])[: len(cooldowns)]):
        cooldowns[index] = replace(cooldowns[index], request_id=request_id)
    number = int(record.get("n", position))
    resources, requests = spooled_resources(record), _requests(record)
    return Record(line, number, cooldowns, _tally(record), resources, requests)


def _requests(record: dict[str, Any]) -> SpooledRequests | None:
    if "requests" not in record:
        return None
    given = record["requests"]
    left_out = {minute: counts for minute, *counts in record["requests_left_out"]}
    return SpooledRequests(list(given["columns"]), list(given["rows"]), left_out)


def _cooldown_row(cooldown: NewCooldown) -> dict[str, Any]:
    row = asdict(cooldown)
    del row["learned"], row["request_id"]
    return row | {
        "occurred_at": cooldown.occurred_at.isoformat(),
        "until": cooldown.until.isoformat(),
    }


def _cooldown(row: dict[str, Any]) -> NewCooldown:
    times = {name: datetime.fromisoformat(row[name]) for name in ("occurred_at", "until")}
    return NewCooldown(**{**row, **times})


def _learned(row: Sequence[Any]) -> Learned:
    owner, model, meter, number, quota_id, at = row
    return Learned(owner, model, meter, number, quota_id, datetime.fromisoformat(at))


def _tally(record: dict[str, Any]) -> UsageTally:
    """Also of an older gateway's records, which know no minutes or no clients."""
    tally = UsageTally()
    for key_id, model, hour, counts in record.get("usage", []):
        tally.counts[UsagePlace(key_id, model, hour)] = AttemptCounter(**counts)
    for number, minute in record.get("minutes", []):
        tally.minutes[number] = Minute(
            AttemptCounter(**minute["attempts"]), ClientAnswers(**minute["answers"])
        )
    tally.last_used = dict(record.get("last_used", []))
    for token_id, day, model, counts in record.get("clients", []):
        tally.clients.counts[ClientPlace(token_id, day, model)] = ClientCounts(**counts)
    tally.clients.last_used = dict(record.get("clients_used", []))
    _add_later(tally, record)
    return tally


def _add_later(tally: UsageTally, record: dict[str, Any]) -> None:
    for key_id, model, hour, later in record.get("usage_later", []):
        _set(tally.counts[UsagePlace(key_id, model, hour)], later)
    for number, later in record.get("minutes_later", []):
        _set(tally.minutes[number].attempts, later)
    for token_id, day, model, later in record.get("clients_later", []):
        _set(tally.clients.counts[ClientPlace(token_id, day, model)], later)
    for number, seen in record.get("minutes_seen", []):
        tally.minutes[number].seen = _numbers(seen, SEEN_COLUMNS)
    for *seen_place, counts in record.get("seen", []):
        tally.outcomes.counts[SeenPlace(*seen_place)] = _numbers(counts, SEEN_COLUMNS)
    for *times_place, times in record.get("times", []):
        tally.outcomes.times[TimesPlace(*times_place)] = _numbers(times, TIME_COLUMNS)


def _numbers(found: Sequence[int], columns: Sequence[str]) -> list[int]:
    """As many as there are columns: a newer gateway may have counted more."""
    return [int(number) for number in found[: len(columns)]] + [0] * (len(columns) - len(found))


def _set(counts: AttemptCounter | ClientCounts, later: Mapping[str, int]) -> None:
    for name, number in later.items():
        setattr(counts, name, number)
