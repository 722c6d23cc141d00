"""The README is the reference: every setting, command and option is in it."""

import re

import pytest
from django.core.management import load_command_class

from gateway.setting import Setting
from gateway.setting_table import table
from tests.support.gateway import ROOT

README = (ROOT / "README.md").read_text()
ROWS = {row.name: row for row in table.rows}
TOLD_IN_WORDS = {"DATABASE_URL", "DJANGO_SUPERUSER_USERNAME"}


def documented_settings() -> dict[str, str]:
    """The default of each, in the words of the README's table; settings may share a row."""
    section = README.partition("\n### Settings\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (`[A-Z].*?) \| (.*?) \|", section, re.MULTILINE)
    return {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}


def is_said(default: str, row: Setting[object]) -> bool:
    """A default that depends on where the gateway runs, or that is made, is told in words."""
    literal = re.fullmatch(r"`(.*)`|(\d+) MiB", default)
    if literal is None:
        return row.documented == "" or row.name in TOLD_IN_WORDS
    if type(row.default) in (int, float):
        number = float(literal[1]) if literal[1] else int(literal[2]) * 2**20
        return number == row.default
    return literal[1] == row.documented


def test_the_readme_has_every_setting_and_no_other():
    assert documented_settings().keys() == ROWS.keys()


def test_the_readme_says_the_defaults():
    said = documented_settings()

    assert {name: said[name] for name, row in ROWS.items() if not is_said(said[name], row)} == {}


def test_another_default_would_be_found():
    assert not is_said("`16`", ROWS["KEEPALIVE_SECONDS"])
    assert not is_said("2 MiB", ROWS["MAX_MEMORY_BODY_BYTES"])
    assert not is_said("none", ROWS["LOG_LEVEL"])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "proxyapp" / "management" / "commands").glob("[a-z]*.py"))
)
def test_every_command_is_in_the_readme(path):
    command = load_command_class("proxyapp", path.stem)

    assert command.help
    assert path.stem in README
