"""The documents as a site, by MkDocs' hooks: those from outside of `docs/`, and what links to them.

A link to a file that the site does not have (a folder of `deploy/`, say) is its words alone there.
"""

import logging
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

log = logging.getLogger("mkdocs.hooks.site")
ROOT = Path(__file__).resolve().parents[2]
# Where they stand in the repository, and in the site.
FROM_OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "bench/README.md": "BENCHMARK.md",
    "bench/RESULTS.md": "RESULTS.md",
    "bench/results.svg": "results.svg",
}
IN_REPOSITORY = {there: here for here, there in FROM_OUTSIDE.items()}
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for here, there in FROM_OUTSIDE.items():
        files.append(File.generated(config, there, abs_src_path=str(ROOT / here)))
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: Any) -> str:
    here = IN_REPOSITORY.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    known = {IN_REPOSITORY.get(uri, f"docs/{uri}"): uri for uri in files.src_uris}
    parts = FENCED.split(markdown)
    parts[::2] = [in_site(part, here, known) for part in parts[::2]]
    return "".join(parts)


def in_site(text: str, here: str, known: Mapping[str, str]) -> str:
    """`here`: the document's place in the repository; `known`: places there, as the site has them.

    All of the site's documents are in one folder.
    """

    def moved(found: re.Match[str]) -> str:
        mark, words, path, anchor = found[1], found[2], found[3], found[4] or ""
        if not path or "://" in path or path.startswith("mailto:"):
            return found[0]
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
        if meant in known:
            return f"{mark}[{words}]({known[meant]}{anchor})"
        if not (ROOT / meant).exists():
            log.warning("%s links to %s, which is not there", here, path)
        return words

    return LINK.sub(moved, text)
