"""Counting what clients saw: by hour, model, group and client token, and how long it took them."""

from itertools import islice
from typing import Final, NamedTuple

from proxyapp.models import FIRST_COLUMNS, LATENCY_BOUNDS_MS, SEEN_COLUMNS, WHOLE_COLUMNS
from proxyapp.requests.record import ClientOutcome, RequestRecord
from proxyapp.vocabulary.buckets import bucket_of

BOUNDS_SECONDS: Final = tuple(bound / 1000 for bound in LATENCY_BOUNDS_MS)
OK: Final = SEEN_COLUMNS.index(f"seen_{ClientOutcome.OK}")
WHOLE: Final = len(FIRST_COLUMNS)
NUMBERS: Final = {outcome: SEEN_COLUMNS.index(f"seen_{outcome}") for outcome in ClientOutcome}
# The number of the hour, and what stands behind it in the row.
HourRow = tuple[int, tuple[int | str, ...]]
TIME_COLUMNS: Final = (*FIRST_COLUMNS, *WHOLE_COLUMNS)


class SeenPlace(NamedTuple):
    """`hour`: hours since the epoch. `token_id`: 0 without one."""

    hour: int
    model: str
    group_name: str
    token_id: int


class TimesPlace(NamedTuple):
    hour: int
    model: str


class OutcomeTally:
    """`counts`: in the order of SEEN_COLUMNS; `times`: in that of TIME_COLUMNS."""

    def __init__(self) -> None:
        self.counts: dict[SeenPlace, list[int]] = {}
        self.times: dict[TimesPlace, list[int]] = {}

    def count(self, record: RequestRecord, model: str, hour: int) -> int:
        """The number of the outcome. `model`: as it is counted."""
        is_ok = record.outcome is ClientOutcome.OK
        number = OK if is_ok else NUMBERS[record.outcome]
        # A plain tuple is as good for looking it up, and made in a tenth of the time.
        seen_place = hour, model, record.group, record.client_id
        counts = self.counts.get(seen_place)  # type: ignore[call-overload]
        if counts is None:
            counts = self.counts[SeenPlace(*seen_place)] = [0] * len(SEEN_COLUMNS)
        counts[number] += 1
        if is_ok:
            self._count_times(hour, model, record)
        return number

    def _count_times(self, hour: int, model: str, record: RequestRecord) -> None:
        times = self.times.get((hour, model))  # type: ignore[call-overload]
        if times is None:
            times = self.times[TimesPlace(hour, model)] = [0] * len(TIME_COLUMNS)
        times[bucket_of(BOUNDS_SECONDS, record.first_byte_seconds)] += 1
        times[WHOLE + bucket_of(BOUNDS_SECONDS, record.seconds)] += 1

    def count_rows(self) -> list[HourRow]:
        """In the order in which every process locks rows."""
        return [
            (place.hour, (*place[1:], *counts)) for place, counts in sorted(self.counts.items())
        ]

    def time_rows(self) -> list[HourRow]:
        """Likewise."""
        return [(place.hour, (*place[1:], *times)) for place, times in sorted(self.times.items())]

    def piece(self, start: int, stop: int) -> "OutcomeTally":
        """The times, which are few, are in the first."""
        piece = OutcomeTally()
        piece.counts = dict(islice(self.counts.items(), start, stop))
        if start == 0:
            piece.times = self.times
        return piece

    def merge(self, other: "OutcomeTally") -> None:
        for place, counts in other.counts.items():
            add(_of(self.counts, place), counts)
        for at, times in other.times.items():
            add(self.times.setdefault(at, [0] * len(TIME_COLUMNS)), times)


def _of(counts: dict[SeenPlace, list[int]], place: SeenPlace) -> list[int]:
    found = counts.get(place)
    if found is None:
        found = counts[place] = [0] * len(SEEN_COLUMNS)
    return found


def add(sums: list[int], counts: list[int]) -> None:
    for number, count in enumerate(counts):
        sums[number] += count
