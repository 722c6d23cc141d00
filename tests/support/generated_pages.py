"""Pages, and parts of pages, that are made of the gateway's own tables: `make docs-pages`.

A part stands between two comments with its name; what stands around it is written by hand.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import django

from gateway.setting import Setting
from gateway.setting_table import table
from tests.support.rooms import ROOT

NONE = "none"
MIB = 2**20
# Written as code: addresses, files with a dot in front, and names of settings.
CODE = re.compile(
    r"(?<![`\w])([a-z][a-z-]*://(?:[^\s,;]*[^\s,;.])?|[A-Z][A-Z0-9]*_[A-Z0-9_]+)(?![`\w])"
)


def marked(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"(<!-- {name}: made by make docs-pages -->\n)(.*?)(<!-- end -->)", re.DOTALL
    )


def rows_of(header: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("|  |", "| |")


# Settings.


def settings() -> str:
    rows = ((f"`{row.name}`", default(row), told(row.sentence)) for row in table.rows)
    return rows_of(("setting", "default", "what"), rows)


def settings_in_short() -> str:
    return rows_of(("setting", "default"), ((f"`{row.name}`", default(row)) for row in table.rows))


def default(row: Setting[Any]) -> str:
    if isinstance(row.default, int) and row.name.endswith("_BYTES") and row.default % MIB == 0:
        return f"{row.default // MIB} MiB"
    if not row.documented:
        return NONE
    return f"`{row.documented.removesuffix('.0')}`"


def told(sentence: str) -> str:
    return CODE.sub(r"`\1`", sentence).replace("|", r"\|")


# Metrics.


def metrics() -> str:
    return rows_of(("metric", "kind", "labels", "what"), _families())


def _families() -> Iterator[Sequence[str]]:
    from prometheus_client.parser import text_string_to_metric_families

    from tests.support.exposition import full_answer

    for family in text_string_to_metric_families(full_answer().text("")[0].decode()):
        labels = [label for label in family.samples[0].labels if label != "le"]
        shown = " ".join(f"`{label}`" for label in labels)
        name = family.samples[0].name if family.type != "histogram" else family.name
        yield f"`{name}`", family.type, shown, told(family.documentation)


# Commands.


def commands() -> str:
    from tests.support.command_pages import command_names, page_of

    return "\n".join(page_of(name) for name in command_names())


def commands_in_short() -> str:
    from tests.support.command_pages import anchor, command_names

    linked = [f"[`{name}`](docs/COMMANDS.md#{anchor(name)})" for name in command_names()]
    return f"{', '.join(linked)}.\n"


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"settings": settings_in_short, "commands": commands_in_short},
    "docs/SETTINGS.md": {"settings": settings},
    "docs/METRICS.md": {"metrics": metrics},
    "docs/COMMANDS.md": {"commands": commands},
}


def made(document: str, text: str) -> str:
    """The document as the tables would have it."""
    for name, make in PARTS[document].items():
        found = marked(name).search(text)
        assert found, f"{document} has no place for {name}"
        text = f"{text[: found.end(1)]}\n{make()}\n{text[found.start(3) :]}"
    return text


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    django.setup()
    for document in PARTS:
        path = Path(ROOT / document)
        path.write_text(made(document, path.read_text()))


if __name__ == "__main__":
    main()
