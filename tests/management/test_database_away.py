"""Every command says in one line that the database cannot be used."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from proxyapp.management import commands

pytestmark = [pytest.mark.django_db, pytest.mark.once]
# Without a command line for them: the one starts the gateway, which serves without a database, the
# other has connections of its own.
OTHERS = {"serve", "migrate_database"}
LINES = {
    "alerts": ["list"],
    "backup": ["{tmp}/backup", "--secret", "{tmp}/secret"],
    "explain": ["--model", "gemini-2.5-flash"],
    "export_config": [],
    "groups": ["list"],
    "import_config": ["{tmp}/config.yaml"],
    "import_from": ["seed", "{tmp}/config.yaml"],
    "keys": ["list"],
    "operator_tokens": ["list"],
    "prune": [],
    "quota": [],
    "reencrypt": [],
    "requests": [],
    "restore": ["{tmp}/backup"],
    "signin": ["unlock"],
    "tokens": ["list"],
    "usage": [],
}
SAID = "The database cannot be used (has `manage.py migrate` run?): away"


def away(*_: Any) -> None:
    raise OperationalError("away")


def test_no_command_is_left_out():
    folder = Path(commands.__file__).parent

    assert {path.stem for path in folder.glob("[!_]*.py")} == LINES.keys() | OTHERS


@pytest.mark.parametrize("command", LINES)
def test_a_database_that_is_away_is_one_line(command: str, tmp_path: Path):
    (tmp_path / "config.yaml").write_text("groups: []\n")
    line = [word.format(tmp=tmp_path) for word in LINES[command]]

    with connection.execute_wrapper(away), pytest.raises(CommandError) as error:
        call_command(command, *line)

    assert str(error.value) == SAID
