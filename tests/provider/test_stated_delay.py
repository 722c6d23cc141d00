"""How long a provider asks to wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.provider.stated_delay import LONGEST, bounded, duration, retry_after, stated_in

NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)


def seconds(delay):
    return None if delay is None else delay.total_seconds()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("58s", 58),
        ("1.5s", 1.5),
        ("0s", 0),
        ("18237s", 18237),
        ("5h3m57.766294982s", 18237.766295),
        ("45m28s", 2728),
        ("350ms", 0.35),
        ("30", 30),
        (30, 30),
        (2.5, 2.5),
        ({"seconds": "58", "nanos": 1}, 58),
        ({"seconds": 58}, 58),
        ("9" * 400 + "s", 86400),
        ("9" * 5000, 86400),
        (10**400, 86400),
        (float("inf"), 86400),
    ],
)
def test_a_duration_is_read_however_it_is_written(value, expected):
    assert seconds(duration(value)) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "s",
        "soon",
        "-5s",
        "1e999s",
        "1e3",
        "NaNs",
        "5 months",
        "5x",
        None,
        True,
        [],
        {},
        {"seconds": []},
        -1,
        -(10**400),
    ],
)
def test_what_is_no_duration_states_none(value):
    assert duration(value) is None


def test_a_number_that_is_none_states_no_duration():
    assert duration(float("nan")) is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Please retry in 10.689924287s.", 10.689924),
        ("Please retry in 45m28s or upgrade your tier at https://ai.dev/rate-limit.", 2728),
        ("Please retry in 23h57m10.781588465s.", 86230.781588),
        ("Please try again in 350ms. Visit x to learn more.", 0.35),
        ("Please try again in 6m0s.", 360),
        ("Try again in 1 minute and 30 seconds", 90),
        ("Retry after 5 minutes", 300),
        ("Please wait 12 seconds before you retry", 12),
        ("Your quota will reset after 13h2m1s.", 46921),
        ("Rate limit resets in 2 hours, 5 minutes.", 7500),
        ("Available again in about 3 hrs", 10800),
        ("Retry in 5s. Retry in 1m.", 60),
        ("Please retry in 3 days", 86400),
        ("Please retry in 45m28", 2700),
    ],
)
def test_a_message_states_a_delay_in_many_words(message, expected):
    assert seconds(stated_in(message)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Please try again later.",
        "Please retry in 10",
        "retry in 5 months",
        "limit: 20, model: x",
        "It took 5s.",
        "again 3 times",
    ],
)
def test_a_message_without_a_delay_states_none(message):
    assert stated_in(message) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"5", 5),
        (b" 5 ", 5),
        (b"2.5", 2.5),
        (b"0", 1),
        (b"0.2", 1),
        (b"99999999999999999999", 86400),
        (b"Mon, 23 Nov 2026 20:31:30 GMT", 90),
        (b"Monday, 23-Nov-26 20:31:30 GMT", 90),
        (b"Mon, 23 Nov 2026 12:31:30 -0800", 90),
        (b"Mon, 23 Nov 2026 20:31:30 -0000", 90),
        (b"Mon, 23 Nov 2026 20:29:00 GMT", 1),
        (b"Wed, 23 Nov 2033 20:30:00 GMT", 86400),
    ],
)
def test_retry_after_is_a_number_or_a_date_between_a_second_and_a_day(value, expected):
    assert seconds(retry_after([(b"Server", b"x"), (b"Retry-After", value)], NOW)) == expected


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"soon",
        b"-1",
        b"1e3",
        b"nan",
        b"inf",
        b"5s",
        b"0x5",
        b"\xb2",
        b"\xff\x00",
        b"Mon, 99 Foo 99999 99:99:99 +9999",
        b"9" * 999,
    ],
)
def test_retry_after_that_is_neither_is_ignored(value):
    assert retry_after([(b"retry-after", value)], NOW) is None


def test_the_first_retry_after_that_can_be_read_counts():
    assert (
        seconds(
            retry_after(
                [(b"retry-after", b"x"), (b"retry-after", b"7"), (b"retry-after", b"9")], NOW
            )
        )
        == 7
    )


@pytest.mark.parametrize(
    ("delay", "expected"), [(0, 1), (0.5, 1), (1, 1), (2, 2), (86400, 86400), (86401, 86400)]
)
def test_what_is_waited_is_between_a_second_and_a_day(delay, expected):
    assert bounded(timedelta(seconds=delay)) == timedelta(seconds=expected)


@given(hours=st.integers(0, 23), minutes=st.integers(0, 59), rest=st.decimals(0, 59, places=3))
def test_every_delay_that_google_writes_is_read(hours, minutes, rest):
    total = hours * 3600 + minutes * 60 + float(rest)

    assert seconds(stated_in(f"Please retry in {hours}h{minutes}m{rest}s.")) == pytest.approx(
        total, abs=1e-6
    )


ODD = st.text(alphabet="0123456789.smhd e+-,:\u0663\xb2", max_size=80)


@given(
    text=ODD,
    value=st.one_of(
        ODD, st.floats(), st.integers(), st.none(), st.dictionaries(st.just("seconds"), ODD)
    ),
)
def test_nothing_makes_a_delay_raise_or_leave_its_bounds(text, value):
    header = retry_after([(b"retry-after", text.encode())], NOW)

    for delay in (duration(value), stated_in(f"retry in {text}"), header):
        assert delay is None or timedelta(0) <= delay <= LONGEST


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([(b"retry-after-ms", b"2500"), (b"retry-after", b"3")], 2.5),
        ([(b"Retry-After", b"3"), (b"Retry-After-Ms", b"2500")], 2.5),
        ([(b"retry-after-ms", b"soon"), (b"retry-after", b"3")], 3),
        ([(b"retry-after-ms", b""), (b"retry-after", b"3")], 3),
        ([(b"retry-after-ms", b"20")], 1),
        ([(b"retry-after-ms", b"9" * 60)], 86400),
        ([(b"retry-after-ms", b"9" * 65)], None),
    ],
)
def test_milliseconds_are_more_exact_than_seconds(headers, seconds):
    told = retry_after(headers, NOW)

    assert told == (None if seconds is None else timedelta(seconds=seconds))
