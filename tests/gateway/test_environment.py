"""The environment is taken literally.

What cannot be meant is a problem with a name, and never another value.
"""

from pathlib import Path

import pytest

from gateway.environment import Environment


@pytest.fixture
def variables() -> dict[str, str]:
    return {}


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_variable_is_one_that_is_not_set(variables: dict[str, str], text: str) -> None:
    variables["X"] = text

    assert Environment(variables).text("X") is None


def test_a_variable_is_taken_literally(variables: dict[str, str]) -> None:
    variables |= {"X": " $Y ", "Y": "other"}

    assert Environment(variables).text("X") == " $Y "


def test_a_file_fills_in_what_the_environment_leaves_open(
    variables: dict[str, str], tmp_path: Path
) -> None:
    variables |= {"A": "given", "C": " "}
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbf# a remark\r\nA=file\r\n\r\n  B='two words'\r\nC=1\nC=2\n")
    env = Environment(variables)

    env.read_file(file, is_named=False)

    assert (variables, env.problems) == ({"A": "given", "B": "two words", "C": "2"}, [])
    assert env.file_lines == {"B": f"{file}: line 4", "C": f"{file}: line 6"}


@pytest.mark.parametrize("content", ["A=1\nSECRET_KEY: MARKER\n", "A=1\nMARKER"])
def test_a_line_that_sets_nothing_is_a_problem_and_not_repeated(
    variables: dict[str, str], tmp_path: Path, content: str
) -> None:
    (tmp_path / ".env").write_text(content)
    env = Environment(variables)

    env.read_file(tmp_path / ".env", is_named=False)

    assert env.problems == [f"{tmp_path}/.env: line 2 is not of the form NAME=value (1 such lines)"]


def test_a_file_may_be_missing_but_not_unreadable_and_not_when_it_was_named(
    variables: dict[str, str], tmp_path: Path
) -> None:
    env = Environment(variables)

    env.read_file(tmp_path / "missing", is_named=False)
    env.read_file(tmp_path / "named", is_named=True)
    env.read_file(tmp_path, is_named=False)

    assert env.problems == [
        f"ENV_FILE='{tmp_path}/named' does not exist",
        f"{tmp_path} cannot be read: Is a directory",
    ]
