"""What the documents and the comments name is there: a file, a folder, a module."""

from pathlib import Path

import pytest

from tests.support.references import comments, missing
from tests.support.rooms import ROOT, modules

pytestmark = pytest.mark.once

DOCUMENTS = [
    *("README.md", "SECURITY.md", "CONTRIBUTING.md", ".env.example", "config.example.yaml"),
    *("Makefile", "pyproject.toml", "requirements.in", "requirements-dev.in", ".ci/run"),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "bench").glob("*.md"))),
]
PAGES = [
    path
    for folder, pattern in (("templates", "*.html"), ("proxyapp/static", "*.*s"))
    for path in sorted((ROOT / folder).rglob(pattern))
]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_names_nothing_that_is_gone(name: str) -> None:
    assert missing((ROOT / name).read_text()) == []


@pytest.mark.parametrize("folder", ["proxyapp", "gateway", "tests", "bench"])
def test_comments_name_nothing_that_is_gone(folder: str) -> None:
    gone = {
        module: found
        for module, path in modules(folder)
        if (found := missing("\n".join(comments(path))))
    }

    assert gone == {}


def test_pages_and_scripts_name_nothing_that_is_gone() -> None:
    gone = {str(path): found for path in PAGES if (found := missing(path.read_text()))}

    assert len(PAGES) > 50
    assert gone == {}


@pytest.mark.parametrize(
    "text",
    [
        "see proxyapp/lane.py",
        "`pool/lane.py` walks",
        "tests of `admin/nowhere/`",
        "as `lane.py` does",
        "`tests/pool/test_lane*.py`",
        "python -m bench.lane",
        "`proxyapp.pool.lane`",
        "`proxyapp.pool.cursor.lane`",
    ],
)
def test_what_is_gone_would_be_found(text: str) -> None:
    assert len(missing(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "proxyapp/pool/cursor.py, and `pool/cursor.py`.",
        "the tests of `tests/pool/`",
        "`tests/pool/test_*.py`",
        "`cursor.py`",
        "python -m bench.economy",
        "`proxyapp.pool.cursor.raise_pool_version`",
        "the permission `proxyapp.view_secret` at https://gateway.example.com",
    ],
)
def test_what_is_there_is_not_reported(text: str) -> None:
    assert missing(text) == []


def test_comments_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('"""One."""\n\nNAME = "no comment"  # two\n\n\ndef run():\n    """Three."""\n')

    assert sorted(filter(None, comments(path))) == ["# two", "One.", "Three."]
