"""Usage on its way to the database: added to the rows in one statement a row."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db import connection, models, transaction

from proxyapp.ledger.client_usage import CLIENT_COLUMNS, CLIENT_PLACE, known_rows, note_last_used
from proxyapp.ledger.usage import (
    ANSWER_COLUMNS,
    COLUMNS,
    HOUR_SECONDS,
    MINUTE_COLUMNS,
    MINUTE_SECONDS,
    AttemptCounter,
    ClientAnswers,
    Minute,
    UsagePlace,
    UsageTally,
)
from proxyapp.models import ApiKey, HourlyUsage, MinuteUsage, TokenUsage

HOUR_PLACE = ("key_id", "hour", "model")


def write_usage(tally: UsageTally) -> None:
    """Adds the counts to the rows of their hours and minutes, in one transaction.

    Keys that are gone are skipped. Every process takes the rows' locks in this order, so none waits
    for another in a circle. The minute, which all of them write to, is locked last and so for the
    shortest time.
    """
    with transaction.atomic():
        known = set(
            ApiKey.objects.filter(pk__in=list(tally.last_used)).values_list("pk", flat=True)
        )
        of_known = sorted(
            (place, counts) for place, counts in tally.counts.items() if place.key_id in known
        )
        add_to_rows(
            HourlyUsage,
            HOUR_PLACE,
            COLUMNS,
            [_hour_row(place, counts) for place, counts in of_known],
        )
        for key_id, used in sorted(tally.last_used.items()):
            ApiKey.objects.filter(pk=key_id).update(last_used_at=datetime.fromtimestamp(used, UTC))
        if tally.clients.counts:
            add_to_rows(TokenUsage, CLIENT_PLACE, CLIENT_COLUMNS, known_rows(tally.clients))
            note_last_used(tally.clients)
        minutes = [_minute_row(number, tally.minutes[number]) for number in sorted(tally.minutes)]
        add_to_rows(MinuteUsage, ("minute",), MINUTE_COLUMNS, minutes)


def add_to_rows(
    table: type[models.Model],
    place: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[str | int]],
) -> None:
    """Each row: its place (unique in the table), then what is added to the columns.

    A place without a row gets one.
    """
    if not rows:
        return
    name = connection.ops.quote_name(table._meta.db_table)
    sums = ", ".join(f"{column} = {name}.{column} + excluded.{column}" for column in columns)
    names = ", ".join((*place, *columns))
    marks = ", ".join(["%s"] * (len(place) + len(columns)))
    statement = (  # no outside value
        f"INSERT INTO {name} ({names}) VALUES ({marks})"  # noqa: S608
        f" ON CONFLICT ({', '.join(place)}) DO UPDATE SET {sums}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def column_values(counts: AttemptCounter | ClientAnswers, columns: Iterable[str]) -> list[int]:
    return [getattr(counts, column) for column in columns]


def _hour_row(place: UsagePlace, counts: AttemptCounter) -> list[str | int]:
    return [
        place.key_id,
        _time(place.hour * HOUR_SECONDS),
        place.model,
        *column_values(counts, COLUMNS),
    ]


def _minute_row(number: int, minute: Minute) -> list[str | int]:
    answers = minute.answers
    counted = [
        *column_values(minute.attempts, COLUMNS),
        *column_values(answers, ANSWER_COLUMNS),
        *answers.latency,
    ]
    return [_time(number * MINUTE_SECONDS), *counted]


def _time(seconds: int) -> str:
    return str(connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(seconds, UTC)))
