"""How much was asked when, and how it ended.

There is a crest each day, and each day has a little more than the day before.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate, groupby, pairwise
from random import Random
from statistics import NormalDist

from proxyapp.ledger.outcomes import OutcomeTally, SeenPlace, TimesPlace
from proxyapp.ledger.usage import (
    COLUMNS,
    AttemptCounter,
    AttemptOutcome,
    ClientAnswers,
    Minute,
    UsagePlace,
    UsageTally,
)
from proxyapp.models import LATENCY_BOUNDS_MS
from tests.demo.cast import MODELS, PAID_GROUP, Key

DAYS = 7
MINUTES_AN_HOUR = 60
CREST, TROUGH = 240.0, 60.0
LESS_A_DAY = 0.05
PAID_WEIGHT = 8.0
Rates = Mapping[int, float]


def rates(now: datetime, chance: Random) -> Rates:
    """Attempts, by minutes since the epoch.

    From a full hour a week ago to the minute before this one.
    """
    this = int(now.timestamp()) // 60
    first = this - DAYS * 24 * MINUTES_AN_HOUR
    minutes = range(first - first % MINUTES_AN_HOUR, this)
    return {
        minute: _rate((this - minute) / MINUTES_AN_HOUR) * chance.uniform(0.8, 1.2)
        for minute in minutes
    }


def _rate(hours_ago: float) -> float:
    """The crest is now, so that the demo's clients go on where the past ends."""
    of_day = (CREST + TROUGH) / 2 + (CREST - TROUGH) / 2 * math.cos(math.tau * hours_ago / 24)
    return of_day * (1 - LESS_A_DAY * hours_ago / 24)


def tally_of(attempts: Rates, keys: Mapping[int, Key], chance: Random) -> UsageTally:
    """The same counts by hour, key and model as by minute."""
    tally = UsageTally()
    for hour, minutes in groupby(attempts, key=lambda minute: minute // MINUTES_AN_HOUR):
        _add_hour(tally, hour, {minute: attempts[minute] for minute in minutes}, keys, chance)
    tally.last_used = dict.fromkeys(keys, max(attempts) * 60.0)
    return tally


def _add_hour(
    tally: UsageTally, hour: int, attempts: Rates, keys: Mapping[int, Key], chance: Random
) -> None:
    total = _outcomes(round(sum(attempts.values())), chance)
    places = {
        UsagePlace(key_id, model, hour): share
        * (PAID_WEIGHT if key.group == PAID_GROUP else 1.0)
        * chance.uniform(0.7, 1.3)
        for key_id, key in keys.items()
        for model, share in MODELS.items()
    }
    of_places = dict(zip(places, split(total, list(places.values())), strict=True))
    tally.counts.update(of_places)
    for place, counts in of_places.items():
        seen_place = SeenPlace(hour, place.model, keys[place.key_id].group, 0)
        tally.outcomes.merge(_outcomes_of(seen_place, counts, chance))
    for minute, counts in zip(attempts, split(total, list(attempts.values())), strict=True):
        answers = _answers(counts, attempts[minute] / CREST, chance)
        tally.minutes[minute] = Minute(counts, answers, _seen(counts, answers.no_key))


def _outcomes_of(place: SeenPlace, counts: AttemptCounter, chance: Random) -> OutcomeTally:
    """Whole answers take some times as long as their beginnings."""
    tally = OutcomeTally()
    tally.counts[place] = _seen(counts)
    first, whole = (
        spread(counts.succeeded, _latency_shares(busy * chance.uniform(0.8, 1.2)))
        for busy in (0.5, 12.0)
    )
    tally.times[TimesPlace(place.hour, place.model)] = [*first, *whole]
    return tally


def _seen(counts: AttemptCounter, no_key: int = 0) -> list[int]:
    """In the order of SEEN_COLUMNS. An upstream's error was another key's success, mostly."""
    failed = counts.upstream_errors // 4
    succeeded = counts.succeeded + counts.upstream_errors - failed
    return [succeeded, counts.client_errors, 0, no_key, failed, counts.cancelled]


def _outcomes(requests: int, chance: Random) -> AttemptCounter:
    """Of attempts that no limit refused."""
    bad = {
        AttemptOutcome.CLIENT_ERROR: round(requests * chance.uniform(0.02, 0.04)),
        AttemptOutcome.UPSTREAM_ERROR: round(requests * chance.uniform(0.005, 0.02)),
        AttemptOutcome.CANCELLED: round(requests * chance.uniform(0.005, 0.015)),
    }
    succeeded = requests - sum(bad.values())
    return AttemptCounter(
        requests=requests,
        succeeded=succeeded,
        **{str(outcome): number for outcome, number in bad.items()},
        prompt_tokens=round(succeeded * chance.uniform(800, 1000)),
        output_tokens=round(succeeded * chance.uniform(220, 300)),
    )


def _answers(counts: AttemptCounter, busy: float, chance: Random) -> ClientAnswers:
    """An upstream's error was another key's success, mostly.

    The busiest minutes were too much for all keys.
    """
    no_key = chance.randint(1, 4) if chance.random() < busy * 0.04 else 0
    well = counts.succeeded + counts.cancelled
    answered = well + counts.client_errors + no_key
    return ClientAnswers(
        answered,
        well,
        no_key,
        latency=spread(well, _latency_shares(busy * chance.uniform(0.8, 1.2))),
    )


def _latency_shares(busy: float) -> list[float]:
    """By the bucket; half of the answers take less than 0.4 s, or 0.6 s in busy minutes."""
    logarithm = NormalDist(math.log(400 + 200 * busy), 0.55)
    ends = [logarithm.cdf(math.log(bound)) for bound in LATENCY_BOUNDS_MS]
    return [high - low for low, high in pairwise([0.0, *ends, 1.0])]


def split(counts: AttemptCounter, weights: Sequence[float]) -> Iterator[AttemptCounter]:
    """Parts in the ratio of the weights, which add up to `counts`."""
    columns = [spread(getattr(counts, column), weights) for column in COLUMNS]
    for values in zip(*columns, strict=True):
        part = AttemptCounter(*values)
        part.requests = sum(getattr(part, outcome) for outcome in AttemptOutcome)
        yield part


def spread(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in the ratio of the weights, which add up to `total`."""
    ends = list(accumulate(weights))
    places = [round(total * end / ends[-1]) for end in ends]
    return [high - low for low, high in pairwise([0, *places])]
