"""What the states of a key are stands in one place."""

import re
from pathlib import Path

import pytest

from proxyapp.vocabulary.choices import KeyStatus
from proxyapp.vocabulary.key_states import SPECS, KeyState

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("proxyapp", "gateway", "templates")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".js", ".html"} and "migrations" not in path.parts
]
STYLES = (ROOT / "proxyapp/static/proxyapp/dashboard.css").read_text()


def test_every_state_says_what_it_means() -> None:
    assert list(SPECS) == list(KeyState)
    assert all(spec.icon and spec.meaning for spec in SPECS.values())


def test_what_an_operator_or_the_provider_does_is_a_state_of_its_own() -> None:
    assert {KeyState(status) for status in set(KeyStatus) - {KeyStatus.ACTIVE}} == {
        state for state in KeyState if not state.is_in_rotation
    }


def test_no_other_file_lists_the_states() -> None:
    listing = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if all(re.search(f"[\"']{state}[\"']", path.read_text()) for state in KeyState)
    ]

    assert listing == ["proxyapp/vocabulary/key_states.py"]


@pytest.mark.parametrize("state", list(KeyState)[1:])
def test_the_cells_of_the_dashboard_tell_every_state_apart(state: KeyState) -> None:
    assert f'.cell[data-state="{state}"] {{' in STYLES
