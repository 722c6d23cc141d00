"""Usage on its way to the database: added to the rows of its hours, days and minutes."""

from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction

from proxyapp.database.many_values import Rows, time_texts
from proxyapp.ledger.client_usage import CLIENT_COLUMNS, CLIENT_PLACE, known_rows
from proxyapp.ledger.key_totals import Used, Values, add_to_totals, sum_of
from proxyapp.ledger.many_rows import add_to_rows, known_ids, note_latest
from proxyapp.ledger.outcomes import TIME_COLUMNS, HourRow, SeenPlace
from proxyapp.ledger.usage import (
    COLUMNS,
    HOUR_SECONDS,
    MINUTE_COLUMNS,
    MINUTE_SECONDS,
    UsageTally,
    answer_values,
    attempt_values,
)
from proxyapp.models import (
    SEEN_COLUMNS,
    AnswerTimes,
    ApiKey,
    ClientToken,
    HourlyUsage,
    MinuteUsage,
    ModelHour,
    OutcomeHour,
    RemovedKey,
    TokenUsage,
)

HOUR_PLACE = ("key_id", "hour", "model")
MODEL_PLACE = ("hour", "model")
OUTCOME_PLACE = SeenPlace._fields


def write_usage(tally: UsageTally) -> None:
    """Adds the counts to the rows of their hours and minutes, in one transaction.

    Keys that are gone are skipped, but for those whose names are kept (RemovedKey). Every process
    takes the rows' locks in this order, so none waits for another in a circle. The models' hours
    and the minute, which all of them write to, are locked last and so for the shortest time.
    """
    with transaction.atomic(savepoint=False):  # within that of its mark
        key_ids = {place.key_id for place in tally.counts}
        present = known_ids(ApiKey, list(key_ids))
        removed = known_ids(RemovedKey, list(key_ids - present))
        used = [
            (place, attempt_values(counts))
            for place, counts in sorted(tally.counts.items())
            if place.key_id in present or place.key_id in removed
        ]
        add_to_rows(HourlyUsage, HOUR_PLACE, COLUMNS, _hour_rows(used))
        add_to_totals([each for each in used if each[0].key_id in present])
        # With the totals' locks flushes take turns; who else has a key's row changes the pool.
        note_latest(ApiKey, "last_used_at", tally.last_used, skips_locked=True)
        if tally.clients.counts:
            add_to_rows(TokenUsage, CLIENT_PLACE, CLIENT_COLUMNS, known_rows(tally.clients))
        if tally.clients.last_used:
            note_latest(ClientToken, "last_used_at", tally.clients.last_used)
        add_to_rows(ModelHour, MODEL_PLACE, COLUMNS, _model_rows(used))
        add_to_rows(
            OutcomeHour, OUTCOME_PLACE, SEEN_COLUMNS, _of_hours(tally.outcomes.count_rows())
        )
        add_to_rows(AnswerTimes, MODEL_PLACE, TIME_COLUMNS, _of_hours(tally.outcomes.time_rows()))
        add_to_rows(MinuteUsage, ("minute",), MINUTE_COLUMNS, _minute_rows(tally))


def _hour_rows(used: Sequence[Used]) -> Rows:
    texts = time_texts(place.hour * HOUR_SECONDS for place, _ in used)
    return [
        (place.key_id, texts[place.hour * HOUR_SECONDS], place.model, *values)
        for place, values in used
    ]


def _model_rows(used: Sequence[Used]) -> Rows:
    texts = time_texts(place.hour * HOUR_SECONDS for place, _ in used)
    of_model: defaultdict[tuple[int, str], list[Values]] = defaultdict(list)
    for place, values in used:
        of_model[place.hour, place.model].append(values)
    return [
        (texts[hour * HOUR_SECONDS], model, *sum_of(values))
        for (hour, model), values in sorted(of_model.items())
    ]


def _of_hours(rows: Sequence[HourRow]) -> Rows:
    texts = time_texts(hour * HOUR_SECONDS for hour, _ in rows)
    return [(texts[hour * HOUR_SECONDS], *rest) for hour, rest in rows]


def _minute_rows(tally: UsageTally) -> Rows:
    texts = time_texts(number * MINUTE_SECONDS for number in tally.minutes)
    return [
        (
            texts[number * MINUTE_SECONDS],
            *attempt_values(minute.attempts),
            *answer_values(minute.answers),
            *minute.seen,
            *minute.answers.latency,
        )
        for number, minute in sorted(tally.minutes.items())
    ]
