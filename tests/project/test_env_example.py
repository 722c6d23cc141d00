"""`.env.example` is the list of settings that operators copy from: whole, and as the table says."""

import re
from pathlib import Path

from gateway.setting_table import table

EXAMPLE = (Path(__file__).resolve().parents[2] / ".env.example").read_text()
ROWS = {row.name: row for row in table.rows}


def shown() -> dict[str, tuple[str, str]]:
    """For each name the sentence above it, and the value."""
    paragraphs = [
        re.fullmatch(r"((?:# .*\n)+)# ([A-Z][A-Z0-9_]*)=(.*)", paragraph.strip())
        for paragraph in EXAMPLE.split("\n\n")[1:]
    ]
    assert None not in paragraphs
    return {
        found[2]: (" ".join(found[1].replace("# ", "").split()), found[3])
        for found in paragraphs
        if found
    }


def test_the_example_has_every_setting_and_no_other() -> None:
    assert len(re.findall(r"^# [A-Z][A-Z0-9_]*=", EXAMPLE, re.MULTILINE)) == len(ROWS)
    assert shown().keys() == ROWS.keys()


def test_the_example_says_what_the_table_says_of_each() -> None:
    assert {name: sentence for name, (sentence, _) in shown().items()} == {
        name: row.sentence for name, row in ROWS.items()
    }


def test_the_example_shows_the_defaults() -> None:
    assert {name: value for name, (_, value) in shown().items()} == {
        name: row.documented for name, row in ROWS.items()
    }


def test_nothing_is_set_in_the_example() -> None:
    assert re.findall(r"^[^#\n]", EXAMPLE, re.MULTILINE) == []
