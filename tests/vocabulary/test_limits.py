"""What may stand in `limits`, and what is said of what may not."""

import pytest

from proxyapp.vocabulary.limit_lines import limit_lines, limits_of_lines
from proxyapp.vocabulary.limits import contradictions, limits_problems

LIMITS = {
    "gemini-2.5-*": {"requests_per_minute": 10, "requests_per_day": 250},
    "*": {"input_tokens_per_minute": 250_000, "tokens_per_day": 1_000_000},
}


def test_what_is_written_in_lines_is_read_back() -> None:
    text = "\n".join(limit_lines(LIMITS))

    assert text == (
        "*: input_tokens_per_minute 250000, tokens_per_day 1000000\n"
        "gemini-2.5-*: requests_per_minute 10, requests_per_day 250"
    )
    assert limits_of_lines(text) == LIMITS
    assert limits_of_lines("models/a = requests_per_day=5\r\n\r\n") == {
        "a": {"requests_per_day": 5}
    }


@pytest.mark.parametrize(
    ("meters", "problem"),
    [
        ({"requests_per_minute": 0}, "must be 1 or more"),
        ({"requests_per_minute": -3}, "must be 1 or more"),
        ({"requests_per_minute": "10/min"}, "must be a whole number, written out: 10"),
        ({"requests_per_minute": "10 per minute"}, "must be a whole number, written out: 10"),
        ({"requests_per_minute": "1k"}, "must be a whole number, written out: 1000"),
        ({"tokens_per_day": "1,500,000"}, "must be a whole number, written out: 1500000"),
        ({"requests_per_minute": 2.5}, "must be a whole number such as 10"),
        ({"requests_per_minute": True}, "must be a whole number such as 10"),
        ({"requests_per_minute": None}, "must be a whole number such as 10"),
        ({"requests_per_day": 10**13}, "must be at most 1000000000000"),
        ({"rpm": 3}, "unknown limit 'rpm'; did you mean 'requests_per_minute'?"),
        ({"RPD": 3}, "unknown limit 'RPD'; did you mean 'requests_per_day'?"),
        ({"tpm": 3}, "unknown limit 'tpm'; did you mean 'input_tokens_per_minute'?"),
        ({"request_per_day": 3}, "did you mean 'requests_per_day'?"),
        ({"widgets": 3}, "unknown limit 'widgets'; known are requests_per_minute, "),
        ({"max_concurrent": 3}, "max_concurrent stands beside limits"),
        ({}, "must not be empty"),
    ],
)
def test_one_line_says_what_is_wrong_and_what_to_write(meters, problem) -> None:
    ((place, said),) = limits_problems({"gemini-*": meters})

    assert place.startswith(".gemini-*")
    assert problem in said


def test_a_key_in_the_place_of_a_name_is_masked() -> None:
    ((_, said),) = limits_problems({"*": {"AIzaSyABCDEFGHIJKLMNOPQRSTUVWXYZ012345": 3}})

    assert "ABCDEF" not in said


def test_a_pattern_is_one_of_models() -> None:
    problems = dict(limits_problems({"a b": {"requests_per_day": 1}}))

    assert "is no name of a model" in problems[".a b"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gemini-*", "Line 1 is not of the form"),
        ("a: requests_per_day 1\na: requests_per_day 2", "Line 2 names a again."),
        ("a: requests_per_day 1, requests_per_day 2", "Line 1 has requests_per_day again."),
        ("a: rpm 1", "a: unknown limit 'rpm'; did you mean 'requests_per_minute'?"),
        ("a: requests_per_day ten", "a.requests_per_day: must be a whole number such as 10."),
    ],
)
def test_a_line_that_says_nothing_is_named(text, problem) -> None:
    with pytest.raises(ValueError, match=r"^Line|^a") as raised:
        limits_of_lines(text)

    assert problem in str(raised.value)


def test_a_day_below_a_minute_is_named() -> None:
    limits = {
        "a": {"requests_per_minute": 10, "requests_per_day": 5},
        "b": {"input_tokens_per_minute": 10, "tokens_per_day": 9},
        "c": {"requests_per_minute": 10, "requests_per_day": 10},
    }

    assert [place for place, _ in contradictions(limits)] == [".a", ".b"]
