"""A setting is what its text says, or a problem that names it; never another value."""

from pathlib import Path
from typing import Any

import pytest

from gateway.environment import Environment
from gateway.setting import Table


@pytest.fixture
def variables() -> dict[str, str]:
    return {}


def complain(word: str) -> str:
    return "" if word == "good" else "is not good"


@pytest.mark.parametrize(
    ("kind", "default", "text", "value"),
    [
        ("whole", 7, " 5 ", 5),
        ("number", 7.0, "1e3", 1000.0),
        ("number", 7.0, "0.5", 0.5),
        ("text", "", "$x", "$x"),
    ],
)
def test_a_value_is_what_it_says(
    variables: dict[str, str], kind: str, default: Any, text: str, value: Any
) -> None:
    variables["X"] = text
    env = Environment(variables)

    assert getattr(Table(env), kind)("X", default, "") == value
    assert env.problems == []


def test_a_flag_a_path_and_a_list_are_what_they_say(variables: dict[str, str]) -> None:
    variables |= {"X": "Yes", "Y": "a, b,,", "Z": "x"}
    env = Environment(variables)
    table = Table(env)

    assert table.flag("X", "") is True
    assert table.words("Y", "") == ["a", "b"]
    assert table.path("Z", Path("/default"), "", documented="") == Path.cwd() / "x"
    assert env.problems == []


@pytest.mark.parametrize("text", ["", " "])
def test_what_is_empty_is_the_default(variables: dict[str, str], text: str) -> None:
    variables["X"] = text
    env = Environment(variables)
    table = Table(env)

    assert (table.whole("X", 7, ""), table.text("X", "d", ""), table.flag("X", "")) == (
        7,
        "d",
        False,
    )
    assert env.problems == []


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("whole", "1.5", "X_DAYS='1.5' is not a whole number such as 30"),
        ("whole", "36501", "X_DAYS='36501' must be 36500 at most"),
        ("whole", "0", "X_DAYS='0' must be more than 0"),
        ("whole", "-1", "X_DAYS='-1' must be more than 0"),
        ("number", "2m", "X_DAYS='2m' is not a number such as 30"),
        ("number", "nan", "X_DAYS='nan' is not a number such as 30"),
        ("number", "-inf", "X_DAYS='-inf' is not a number such as 30"),
        ("number", "1,5", "X_DAYS='1,5' is not a number such as 30"),
        ("number", "-0.0", "X_DAYS='-0.0' must be more than 0"),
        ("number", "36500.5", "X_DAYS='36500.5' must be 36500 at most"),
    ],
)
def test_a_number_that_cannot_be_meant_is_a_problem(
    variables: dict[str, str], kind: str, text: str, problem: str
) -> None:
    variables["X_DAYS"] = text
    env = Environment(variables)

    assert getattr(Table(env), kind)("X_DAYS", 30, "") == 30
    assert env.problems == [problem]


def test_zero_is_taken_where_the_row_says_what_it_means(variables: dict[str, str]) -> None:
    variables |= {"X": "0", "Y": "-1"}
    env = Environment(variables)
    table = Table(env)

    assert (table.whole("X", 7, "", zero="never"), table.whole("Y", 7, "", zero="never")) == (0, 7)
    assert env.problems == ["Y='-1' must be 0 (never) or more"]


def test_a_flag_is_true_or_false(variables: dict[str, str]) -> None:
    variables["X"] = "yep"
    env = Environment(variables)

    assert Table(env).flag("X", "") is False
    assert env.problems == ["X='yep' must be true or false"]


def test_a_check_says_what_is_wrong_with_a_text_or_a_word(variables: dict[str, str]) -> None:
    variables |= {"X": "bad", "Y": "good,bad"}
    env = Environment(variables)
    table = Table(env)

    assert table.text("X", "d", "", check=complain) == "d"
    assert table.words("Y", "", check=complain) == []
    assert env.problems == ["X='bad' is not good", "Y: 'bad' is not good"]


def test_the_value_of_a_secret_is_not_said(variables: dict[str, str]) -> None:
    variables |= {"X": "MARKER", "Y": "good,MARKER"}
    env = Environment(variables)
    table = Table(env)

    table.text("X", "", "", check=complain, is_secret=True)
    table.words("Y", "", check=complain, is_secret=True)

    assert env.problems == ["X is not good", "Y is not good"]
