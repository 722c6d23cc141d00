"""What clients saw is counted once, at a request's end, and comes to the rows of its hour."""

from datetime import timedelta
from pathlib import Path

import pytest

from proxyapp.access.limits import ClientLimits
from proxyapp.database.threads import DatabaseThreads
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.model_names import MOST_FAILED_OF_CLIENT, MOST_OF_CLIENT, OTHERS
from proxyapp.ledger.outcomes import SeenPlace, TimesPlace
from proxyapp.ledger.retention import prune_batch
from proxyapp.ledger.spool import Spool
from proxyapp.ledger.spool_records import decoded_record, usage_record
from proxyapp.ledger.usage import UsageTally
from proxyapp.ledger.usage_rows import write_usage
from proxyapp.models import AnswerTimes, MinuteUsage, OutcomeHour
from proxyapp.requests.record import ClientOutcome, RequestRecord
from tests.support.pool_data import NOW
from tests.support.request_records import ended

FLASH = "gemini-2.5-flash"
HOUR = NOW.replace(minute=0, second=0)


def tally(*records: RequestRecord) -> UsageTally:
    counting = Counting(ClientLimits(DatabaseThreads()))
    for record in records:
        counting.count_outcome(record)
    return counting.take(everything=True)


@pytest.mark.django_db
def test_each_outcome_has_its_column_in_the_hour_and_in_the_minute():
    for _ in range(2):
        write_usage(tally(*(ended(outcome, client_id=3) for outcome in ClientOutcome)))

    rows = OutcomeHour.objects.filter(hour=HOUR, token_id=3)
    of_model, of_mistakes = rows.get(model=FLASH), rows.get(model="")
    minute = MinuteUsage.objects.get()
    for outcome in ClientOutcome:
        row = of_mistakes if outcome is ClientOutcome.CLIENT_ERROR else of_model
        assert getattr(row, f"seen_{outcome}") == 2
        assert getattr(minute, f"seen_{outcome}") == 2
    assert of_mistakes.seen_ok == 0


@pytest.mark.django_db
def test_only_good_answers_have_times():
    write_usage(
        tally(
            ended(ClientOutcome.OK, first_byte_seconds=0.02, seconds=3.0),
            ended(ClientOutcome.OK, first_byte_seconds=0.3, seconds=100.0),
            ended(ClientOutcome.UPSTREAM, first_byte_seconds=9.0, seconds=9.0),
        )
    )

    row = AnswerTimes.objects.get()

    assert (row.hour, row.model) == (HOUR, FLASH)
    first = [getattr(row, f"first_{number}") for number in range(16)]
    whole = [getattr(row, f"whole_{number}") for number in range(16)]
    assert (first[0], first[4], sum(first)) == (1, 1, 2)
    assert (whole[10], whole[15], sum(whole)) == (1, 1, 2)


@pytest.mark.parametrize(
    ("outcome", "most"),
    [
        (ClientOutcome.OK, MOST_OF_CLIENT),
        (ClientOutcome.NO_KEY, MOST_FAILED_OF_CLIENT),
        (ClientOutcome.LEFT, MOST_FAILED_OF_CLIENT),
        (ClientOutcome.CLIENT_ERROR, 0),
    ],
)
def test_a_client_that_names_endless_models_has_few_of_them_counted(
    outcome: ClientOutcome, most: int
):
    made = tally(*(ended(outcome, model=f"m{number}") for number in range(1000)))

    names = {place.model for place in made.outcomes.counts}
    assert names - {OTHERS, ""} <= {f"m{number}" for number in range(most)}
    assert len(names) == most + 1


def test_who_leaves_with_made_up_models_takes_no_name_from_good_answers():
    """Of those without a token each is as the others."""
    leaving = [ended(ClientOutcome.LEFT, model=f"m{number}") for number in range(1000)]

    made = tally(*leaving, ended(ClientOutcome.OK), ended(ClientOutcome.NO_KEY))

    assert {place for place in made.outcomes.counts if place.model == FLASH} != set()
    assert made.outcomes.times.keys() == {TimesPlace(int(NOW.timestamp()) // 3600, FLASH)}
    seen = made.outcomes.counts[SeenPlace(int(NOW.timestamp()) // 3600, FLASH, "main", 0)]
    assert sum(seen) == 2, "the failure of a model that has answered has its name, too"


def test_a_tally_of_nothing_else_is_written_too():
    assert tally(ended(ClientOutcome.OK))


def test_what_waits_in_the_spool_comes_back_as_it_was(tmp_path: Path):
    spool, counted = Spool(tmp_path, "usage"), tally(*map(ended, ClientOutcome))
    spool.keep(spool.next_mark(), usage_record(counted))

    segment = spool.oldest()
    assert segment
    [record], senseless = decoded_record(segment.lines())

    assert senseless == []
    assert record.tally.outcomes.counts == counted.outcomes.counts
    assert record.tally.outcomes.times == counted.outcomes.times
    assert record.tally.minutes == counted.minutes


def test_pieces_add_up_to_the_whole():
    counted = tally(*(ended(ClientOutcome.OK, client_id=number) for number in range(7)))
    sums = UsageTally()
    pieces = counted.pieces(3)

    for piece in pieces:
        sums.merge(piece)

    assert len(pieces) == 3
    assert sums.outcomes.counts == counted.outcomes.counts
    assert sums.outcomes.times == counted.outcomes.times


@pytest.mark.django_db
def test_it_is_kept_for_eight_days():
    for days in (0, 7, 9):
        at = (NOW - timedelta(days=days)).timestamp()
        write_usage(tally(ended(ClientOutcome.OK, at=at)))

    prune_batch(NOW)

    assert OutcomeHour.objects.count() == AnswerTimes.objects.count() == 2
