"""The documents make a site: each link leads somewhere, and each list, table and example is one."""

import logging
import re
from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from tests.support.rooms import ROOT
from tests.support.site import FROM_OUTSIDE, in_site

pytestmark = pytest.mark.once

# What Markdown that was not understood leaves in a paragraph.
LEFT_OVER = re.compile(r"<p>(?:(?!</p>).)*?(?:^|\n)(?:- |\| |```|#+ )", re.DOTALL)
README_LINES = 80
COLLAPSED = re.compile(r"<details.*?</details>", re.DOTALL)


class Page(HTMLParser):
    """The links of a page, what they may lead to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = {""}
        self.loaded: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name == "href" and tag == "a":
                self.links.add(value or "")
            elif name in ("src", "href"):
                self.loaded.add(value or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built strictly: MkDocs itself finds what a document links to and what is in no menu."""
    folder = tmp_path_factory.mktemp("site")
    logging.getLogger("mkdocs").setLevel(logging.WARNING)
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    found = {path.relative_to(site).as_posix(): path for path in site.rglob("*.html")}
    return {name: Page(path.read_text()) for name, path in found.items()}


def test_each_document_is_a_page(pages: dict[str, Page]) -> None:
    names = {path.name for path in (ROOT / "docs").glob("*.md")} | set(FROM_OUTSIDE.values())

    assert {name.replace(".md", ".html") for name in names if name.endswith(".md")} <= pages.keys()


def test_each_link_leads_to_a_page_and_to_what_is_on_it(site: Path, pages: dict[str, Page]) -> None:
    broken = {
        (name, link)
        for name, page in pages.items()
        for link in page.links | page.loaded
        if not leads_somewhere(link, name, site, pages)
    }

    assert broken == set()


def leads_somewhere(link: str, name: str, site: Path, pages: dict[str, Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme in ("https", "http"):
        return re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc) is not None
    if parts.scheme or parts.netloc or link.startswith("/"):
        return name == "404.html" or parts.scheme in ("data", "mailto")
    path = normpath(unquote(parts.path)) if parts.path else name
    target = "index.html" if path == "." else path
    if target in pages:
        return unquote(parts.fragment) in pages[target].anchors
    return (site / target).is_file()


def test_nothing_is_loaded_from_another_host(pages: dict[str, Page]) -> None:
    assert {link for page in pages.values() for link in page.loaded if "//" in link} == set()


def test_no_list_or_table_is_left_a_paragraph(site: Path) -> None:
    left = {
        path.name: found[0]
        for path in site.glob("*.html")
        if (found := LEFT_OVER.search(path.read_text()))
    }

    assert left == {}


def test_the_readme_is_read_in_one_go() -> None:
    text = COLLAPSED.sub("", (ROOT / "README.md").read_text())

    assert len(text.splitlines()) <= README_LINES


def test_links_lead_to_the_same_from_everywhere(caplog: pytest.LogCaptureFixture) -> None:
    known = {"docs/QUOTA.md": "QUOTA.md", "SECURITY.md": "SECURITY.md"}

    assert in_site("[a](docs/QUOTA.md#b)", "README.md", known) == "[a](QUOTA.md#b)"
    assert in_site("[a](../SECURITY.md)", "docs/X.md", known) == "[a](SECURITY.md)"
    assert in_site("[`a`](../deploy/nginx) b", "docs/X.md", known) == "`a` b"
    assert in_site("[a](#b) [c](https://d.example)", "docs/X.md", known) == (
        "[a](#b) [c](https://d.example)"
    )
    assert not caplog.records
    assert in_site("[a](../deploy/nowhere)", "docs/X.md", known) == "a"
    assert len(caplog.records) == 1
