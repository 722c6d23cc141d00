"""What the documents show as code: blocks between fences, and spans in a sentence."""

import re
from dataclasses import dataclass
from functools import cache
from textwrap import dedent

from tests.support.rooms import ROOT

AT_THE_TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
DOCUMENTS = (
    *AT_THE_TOP,
    *(
        path.relative_to(ROOT).as_posix()
        for folder in ("bench", "deploy", "docs")
        for path in sorted((ROOT / folder).rglob("*.md"))
        # A report that a program writes.
        if path.name != "RESULTS.md"
    ),
)
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Snippet:
    document: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


@cache
def text_of(document: str) -> str:
    return (ROOT / document).read_text()


def blocks(*languages: str, of: str | None = None) -> list[Snippet]:
    """Of these languages, none: all; `of`: one document."""
    return [
        block
        for document in (DOCUMENTS if of is None else (of,))
        for block in _blocks(document)
        if not languages or block.language in languages
    ]


@cache
def _blocks(document: str) -> tuple[Snippet, ...]:
    text = text_of(document)
    return tuple(
        Snippet(document, _line(text, found.start(3)), found[2], dedent(found[3]))
        for found in FENCED.finditer(text)
    )


def spans() -> list[Snippet]:
    return [span for document in DOCUMENTS for span in _spans(document)]


@cache
def _spans(document: str) -> tuple[Snippet, ...]:
    text = FENCED.sub(lambda block: "\n" * block[0].count("\n"), text_of(document))
    return tuple(
        Snippet(document, _line(text, found.start()), "", found[1]) for found in SPAN.finditer(text)
    )


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
