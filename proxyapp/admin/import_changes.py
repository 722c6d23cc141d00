"""What an import would change, for a page: the report of a dry run, sorted by kind."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from proxyapp.admin.parts.badges import Variant
from proxyapp.config.report import Report

MAX_SHOWN = 200
FIELD = (
    r"(?:name|project|rate_limit_policy|auth|priority|weight|allow_link_local) '"
    r"|(?:target_url|proxy_url|ca_certificates) |moved from group '"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """`fields`: each with its old and its new value."""

    text: str
    fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """`more`: how many entries are not shown."""

    title: str
    variant: Variant
    count: int
    entries: Sequence[Entry]

    @property
    def more(self) -> int:
        return self.count - len(self.entries)


def parts(report: Report) -> list[Part]:
    """Those that are not empty."""
    keys = [f"key {masked} in group '{group}'" for group, masked in report.created_keys]
    created = [*_lines(report, "created "), *keys]
    changed, removed = _lines(report, "updated "), _lines(report, "removed ")
    kinds: list[tuple[str, Variant, Sequence[str]]] = [
        ("Created", "success", created),
        ("Changed", "warning", changed),
        ("Removed", "danger", removed),
        ("Order", "info", report.orders),
    ]
    return [
        Part(title, variant, len(lines), [_entry(line) for line in lines[:MAX_SHOWN]])
        for title, variant, lines in kinds
        if lines
    ]


def fingerprint(report: Report) -> str:
    """Equal for equal changes."""
    lines = [
        *report.lines(),
        *report.details,
        *(f"{group}\0{masked}" for group, masked in report.created_keys),
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _lines(report: Report, start: str) -> list[str]:
    return [line.removeprefix(start) for line in report.details if line.startswith(start)]


def _entry(line: str) -> Entry:
    """`group 'a': auth 'x' → 'y'; name …`, as the report joins it."""
    found = re.search(rf": (?={FIELD})", line)
    if found is None:
        return Entry(line)
    return Entry(line[: found.start()], _fields(line[found.end() :]))


def _fields(text: str) -> list[str]:
    return [field.strip() for field in re.split(rf"; (?={FIELD})", text)]
