"""An `.env` file as other programs write it: quotes, `export`, and lists over several lines."""

import json
import re
from collections.abc import Iterator

ENTRY = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
COMMENT = re.compile(r"\s#.*$")
QUOTES = ("'", '"')


def is_env(text: str) -> bool:
    lines = (line for line in text.splitlines() if line.strip())
    first = next((line for line in lines if not line.lstrip().startswith("#")), "")
    return ENTRY.fullmatch(first) is not None


def settings_of(text: str) -> dict[str, str]:
    """By name; of what is given twice the last counts, as for these programs."""
    settings: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if line.lstrip().startswith("#") or not (found := ENTRY.fullmatch(line)):
            continue
        value = found[2].strip()
        if (end := _open_end(value)) and end not in value[1:]:
            value = "\n".join([value, *_up_to(end, lines)])
        settings[found[1]] = _plain(value)
    return settings


def listed(text: str) -> list[str]:
    """A JSON list, or what stands between commas or lines."""
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = re.split(r"[\s,\[\]\"']+", text)
        return [str(value) for value in values if isinstance(value, str | int) and value != ""]
    return [part for part in re.split(r"[\s,]+", text) if part]


def _open_end(value: str) -> str:
    first = value[:1]
    return "]" if first == "[" else first if first in QUOTES else ""


def _up_to(end: str, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line.strip()
        if end in line:
            return


def _plain(value: str) -> str:
    if value[:1] in QUOTES:
        return value[1:].partition(value[0])[0] if value[0] in value[1:] else value[1:]
    return COMMENT.sub("", value).rstrip()
