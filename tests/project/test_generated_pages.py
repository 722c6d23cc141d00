"""What `make docs-pages` writes is what stands in the documents."""

import re
from pathlib import Path

import pytest

from gateway.setting_table import table
from tests.support.command_pages import command_names
from tests.support.documented_commands import options, parser_of
from tests.support.generated_pages import PARTS, default, made, told
from tests.support.rooms import ROOT

pytestmark = pytest.mark.once


@pytest.mark.parametrize("document", PARTS)
def test_a_page_is_what_the_tables_give(document: str) -> None:
    text = Path(ROOT / document).read_text()

    assert made(document, text) == text, "make docs-pages writes it anew"


@pytest.mark.parametrize("document", PARTS)
def test_what_was_changed_by_hand_would_be_found(document: str) -> None:
    text = Path(ROOT / document).read_text()

    assert made(document, text.replace("`", "'")) != text.replace("`", "'")


def test_every_option_of_a_command_is_shown() -> None:
    page = (ROOT / "docs/COMMANDS.md").read_text()
    shown = set(re.findall(r"`(--[a-z-]+)", page))
    shared = {*options(parser_of("check")), "--skip-checks"}

    missing = {
        (name, option)
        for name in command_names()
        for option in options(parser_of(name))
        if option.startswith("--") and option not in shown | shared
    }

    assert missing == {("serve", "--worker"), ("serve", "--listener"), ("serve", "--prepare")}


def test_defaults_are_written_for_people() -> None:
    shown = {row.name: default(row) for row in table.rows}

    assert shown["MAX_BODY_BYTES"] == "100 MiB"
    assert shown["QUEUE_SECONDS"] == "`0`"
    assert shown["METRICS_TOKEN"] == "none"


def test_names_and_addresses_are_code() -> None:
    assert told("As MAX_ATTEMPTS at https://a.example/b, app:// or a|b.") == (
        "As `MAX_ATTEMPTS` at `https://a.example/b`, `app://` or a\\|b."
    )
