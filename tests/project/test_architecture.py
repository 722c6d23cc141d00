"""docs/ARCHITECTURE.md and CONTRIBUTING.md show the rooms as they are.

That the files which they name are there is tested with all documents: see `test_references.py`.
"""

import re

import pytest

from tests.support.rooms import ROOMS, ROOT, sentence

ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
DRAWING = ARCHITECTURE.split("```")[1]
LONGEST = 90


def test_the_architecture_is_read_in_one_go() -> None:
    assert len(ARCHITECTURE.splitlines()) <= LONGEST


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_in_the_drawing(room: str) -> None:
    assert re.search(rf"\b{room}/", DRAWING)


def test_the_parts_of_the_admin_are_in_the_drawing() -> None:
    parts = {path.parent.name for path in (ROOT / "proxyapp" / "admin").glob("*/__init__.py")}

    assert {part for part in parts if f" {part}/" not in DRAWING} == set()


def test_the_drawing_shows_no_room_that_is_gone() -> None:
    outside = {"gateway"}
    parts = {path.name for path in (ROOT / "proxyapp" / "admin").iterdir()}

    assert set(re.findall(r"(\w+)/(?=\s)", DRAWING)) - outside - parts == set(ROOMS)


def test_contributing_has_one_row_a_room() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| `proxyapp/(\w+)/` \| (.+) \|$", contributing, re.MULTILINE)

    assert rows == [(room, sentence(room)) for room in reversed(ROOMS)]


@pytest.mark.parametrize(
    "named",
    [
        "`provider/verdict.py`, which alone judges",
        "`pool/cooldown_rows.py` alone writes",
        "stripped in `upstream/headers.py`",
        "comes from `admin/` and `templates/admin/`",
    ],
)
def test_a_stranger_learns_where_it_is_done(named: str) -> None:
    """Where a refusal is judged, a cooldown written, a header stripped, a page made."""
    assert named in ARCHITECTURE
