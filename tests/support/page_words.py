"""What a reader is shown of a page: its texts, and those of attributes that are read out."""

import re
from html.parser import HTMLParser

WORD = re.compile(r"[A-Za-z][A-Za-z'-]*[A-Za-z]")
SHOWN_ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-confirm")
# What is written as it is in every language.
AS_IT_IS = ("code", "pre", "kbd", "script", "style")
ICONS = "material-symbols-outlined"
# Names, units and terms that Chinese writes as they are.
TERMS = frozenset(
    WORD.findall(
        "Gemini Key Gateway OpenAI API URL ID UTC JSON YAML CSV USD MiB ms token POST English"
    )
)
EMPTY = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr")


class PageWords(HTMLParser):
    """`words`: of a page that was fed; what stands as it is in every language is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        is_kept = tag in AS_IT_IS or known.get("translate") == "no"
        is_kept = is_kept or ICONS in (known.get("class") or "")
        if not (is_kept or self._is_left_out()):
            self.words += [known[name] or "" for name in SHOWN_ATTRIBUTES if name in known]
            if tag == "input" and known.get("type") in ("submit", "button"):
                self.words.append(known.get("value") or "")
        if tag not in EMPTY:
            self._open.append((tag, is_kept))

    def handle_endtag(self, tag: str) -> None:
        while any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._is_left_out():
            self.words.append(" ".join(data.split()))

    def _is_left_out(self) -> bool:
        return any(is_kept for _, is_kept in self._open)


def words_of(html: str) -> list[str]:
    reader = PageWords()
    reader.feed(html)
    return reader.words
