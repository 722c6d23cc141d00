"""The environment is taken literally.

What cannot be meant is a problem with a name, and never another value.
"""

from pathlib import Path
from typing import Any

import pytest

from gateway.environment import Environment


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    given: dict[str, str] = {}
    monkeypatch.setattr(Environment, "ENVIRON", given)
    return given


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", " 5 ", 5),
        ("float", "1e3", 1000.0),
        ("bool", "Yes", True),
        ("list", "a, b,,", ["a", "b"]),
        ("str", "$x", "$x"),
    ],
)
def test_a_value_is_what_it_says(
    variables: dict[str, str], kind: str, text: str, value: Any
) -> None:
    variables["X"] = text
    env = Environment()

    assert getattr(env, kind)("X", default=None) == value
    assert env.problems == []


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_variable_is_one_that_is_not_set(variables: dict[str, str], text: str) -> None:
    variables["X"] = text
    env = Environment()

    assert (env.int("X", default=7), env.str("X", default="d"), env.bool("X", default=True)) == (
        7,
        "d",
        True,
    )
    assert env.problems == []


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("int", "1.5", "X_DAYS='1.5' is not a whole number such as 30"),
        ("float", "2m", "X_DAYS='2m' is not a number such as 30"),
        ("float", "nan", "X_DAYS='nan' is not a number such as 30"),
        ("float", "1,5", "X_DAYS='1,5' is not a number such as 30"),
        ("bool", "yep", "X_DAYS must be true or false"),
        ("int", "36501", "X_DAYS must be 36500 at most"),
    ],
)
def test_a_value_that_cannot_be_meant_is_a_problem(
    variables: dict[str, str], kind: str, text: str, problem: str
) -> None:
    variables["X_DAYS"] = text
    env = Environment()

    assert getattr(env, kind)("X_DAYS", default=30) == 30
    assert env.problems == [problem]


def test_a_file_fills_in_what_the_environment_leaves_open(
    variables: dict[str, str], tmp_path: Path
) -> None:
    variables["A"] = "given"
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfA=file\r\n\r\n  # a remark\r\n  export B='two words'\r\n")
    env = Environment()

    env.read_file(file, is_named=False)

    assert (variables, env.problems) == ({"A": "given", "B": "two words"}, [])


@pytest.mark.parametrize("content", ["A=1\nSECRET_KEY: MARKER\n", "A=1\nMARKER"])
def test_a_line_that_sets_nothing_is_a_problem_and_not_repeated(
    variables: dict[str, str], tmp_path: Path, content: str
) -> None:
    (tmp_path / ".env").write_text(content)
    env = Environment()

    env.read_file(tmp_path / ".env", is_named=False)

    assert env.problems == [f"{tmp_path}/.env: line 2 is not of the form NAME=value (1 such lines)"]


def test_a_file_may_be_missing_but_not_unreadable_and_not_when_it_was_named(
    variables: dict[str, str], tmp_path: Path
) -> None:
    env = Environment()

    env.read_file(tmp_path / "missing", is_named=False)
    env.read_file(tmp_path / "named", is_named=True)
    env.read_file(tmp_path, is_named=False)

    assert env.problems == [
        f"ENV_FILE='{tmp_path}/named' does not exist",
        f"{tmp_path} cannot be read: Is a directory",
    ]
