"""Of a busy second what went wrong is logged first, then as much of each client as of another."""

from collections import Counter

from proxyapp.requests.record import ClientOutcome, RequestRecord
from proxyapp.requests.sample import LogSample
from tests.support.logged_requests import AT, made_record

SECOND = int(AT + 0.5)


def heard(sample: LogSample, *records: RequestRecord) -> list[RequestRecord]:
    for record in records:
        sample.add(record)
    return sample.take(SECOND + 1.0)


def several(number: int, **fields: object) -> list[RequestRecord]:
    return [made_record(f"{fields}-{n}", **fields) for n in range(number)]  # type: ignore[arg-type]


def test_all_of_a_quiet_second_are_taken_in_their_order():
    records = several(10)

    assert heard(LogSample(10), *records) == records


def test_what_went_wrong_comes_first_and_the_rest_is_counted():
    sample = LogSample(10)
    failed = several(4, status=503)

    taken = heard(sample, *several(500), *failed, *several(500))

    assert len(taken) == 10
    assert [record for record in taken if record.status == 503] == failed
    assert sample.take_left_out() == {SECOND // 60: [994, 0]}


def test_left_out_failures_are_counted_as_such():
    sample = LogSample(10)

    heard(sample, *several(30, status=503), *several(5))

    assert sample.take_left_out() == {SECOND // 60: [25, 20]}


def test_a_client_with_many_requests_takes_no_more_places_than_one_with_few():
    few = several(5, client_id=2)

    for order in (several(400, client_id=1) + few, few + several(400, client_id=1)):
        taken = Counter(record.client_id for record in heard(LogSample(10), *order))
        assert taken == {1: 5, 2: 5}


def test_the_sample_is_of_the_whole_second():
    """Not its first or last ones: each of 200 has the same chance."""
    records = several(200)
    counted: Counter[bool] = Counter()
    for _ in range(100):
        first_half = {record.id for record in records[:100]}
        counted.update(record.id in first_half for record in heard(LogSample(10), *records))

    assert abs(counted[True] - counted[False]) < 260, "eight standard deviations"


def test_whoever_is_not_let_in_pushes_nothing_else_out():
    knocking = several(1000, status=401, outcome=ClientOutcome.CLIENT_ERROR)
    others = several(9)

    taken = heard(LogSample(10), *knocking, *others)

    assert [record for record in taken if record.status == 200] == others
    assert len(taken) == 10, "one of those who knock"


def test_one_clients_own_mistakes_push_nothing_else_out():
    flood = several(1000, client_id=1, status=429, outcome=ClientOutcome.CLIENT_LIMIT)
    others = several(5, client_id=2)
    failed = several(3, status=503, client_id=2)

    taken = heard(LogSample(10), *flood, *others, *failed)

    assert [record for record in taken if record.status == 503] == failed
    assert len([record for record in taken if record in others]) >= 3, "as many as its places"


def test_a_clock_that_was_set_back_lets_in_no_more_than_before():
    """Long requests still end by the old one."""
    sample = LogSample(10)
    for old, new in zip(several(50, at=AT + 3600), several(50), strict=True):
        sample.add(old)
        sample.add(new)

    assert len(sample.take(SECOND + 1.0)) <= 20
    later = several(5, at=AT + 2)
    for record in later:
        sample.add(record)
    assert sample.take(SECOND + 2.0) == []
    assert sample.take(SECOND + 3.0) == later


def test_what_waits_is_bounded():
    sample = LogSample(10)
    for record in several(10_000):
        sample.add(record)
        assert len(sample._heard) < 80


def test_a_second_that_is_not_over_waits():
    sample = LogSample(10)
    sample.add(made_record())

    assert sample.take(SECOND + 0.9) == []
    assert sample.is_waiting
    assert len(sample.take(SECOND + 0.9, everything=True)) == 1
    assert not sample.is_waiting
