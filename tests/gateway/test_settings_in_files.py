"""Settings whose values stand in files: those that are secrets, and no others."""

from pathlib import Path

import pytest

from gateway import setting_table
from gateway.environment import Environment
from gateway.setting import Table
from proxyapp.management.moving import set_here
from tests.support.gateway import ROOT


def complain(text: str) -> str:
    return "" if text == "good" else "is not good"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x"
    path.write_text("good\n")
    return path


def test_a_secret_is_read_from_its_file_and_is_not_in_the_environment(file: Path) -> None:
    variables = {"X_FILE": str(file), "Y_FILE": str(file), "Z_FILE": str(file)}
    env = Environment(variables)
    table = Table(env)

    assert table.text("X", "", "", check=complain, is_secret=True) == "good"
    assert table.words("Y", "", is_secret=True) == ["good"]
    assert table.text("Z", "other", "") == "other"
    assert (env.problems, len(variables)) == ([], 3)


@pytest.mark.parametrize("text", ["MARKER", "MARKER\ngood"])
def test_what_is_wrong_is_said_of_the_file_and_without_its_text(file: Path, text: str) -> None:
    file.write_text(text)
    env = Environment({"X_FILE": str(file)})

    assert Table(env).text("X", "", "", check=complain, is_secret=True) == ""
    (problem,) = env.problems
    assert problem.startswith(f"{file}: X ")
    assert "MARKER" not in problem


def test_a_file_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    env = Environment({"X_FILE": str(tmp_path / "none")})
    Table(env).text("X", "", "", is_secret=True)

    assert env.problems == [f"X_FILE='{tmp_path}/none' cannot be read: No such file or directory"]


def test_the_name_of_a_file_is_no_slip_of_the_pen(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_PASSWORDS_FILE=/x\nDATABASE_PASSWORD_FILES=/x\n")
    env = Environment({})
    table = Table(env)
    env.read_file(tmp_path / ".env", is_named=True)
    table.words("DATABASE_PASSWORDS", "", is_secret=True)

    (warning,) = table.misspelt()
    assert "DATABASE_PASSWORD_FILES, which is no setting" in warning


def test_the_documents_name_all_that_may_stand_in_a_file() -> None:
    from gateway.setting_table import table

    text = (ROOT / "docs/CONFIGURATION.md").read_text()
    paragraph = text.partition("\nA secret may stand in a file")[2].partition("\n\n")[0]
    assert [
        row.name for row in table.rows if row.is_secret and f"`{row.name}`" not in paragraph
    ] == []


def test_who_moves_is_told_the_name_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"DATABASE_URL": "MARKER", "METRICS_TOKEN_FILE": "/run/x", "SECRET_KEY_FILE": "/y"}
    monkeypatch.setattr(setting_table, "env", Environment(variables))

    assert set_here() == ["DATABASE_URL=(a secret)", "METRICS_TOKEN_FILE=/run/x"]
