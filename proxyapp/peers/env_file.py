"""An `.env` file as other programs write it: quotes, `export`, and lists over several lines."""

import json
import re
from collections.abc import Iterator

ENTRY = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
COMMENT = re.compile(r"\s#.*$")
# Of a value that begins so, what ends it: it may go on over lines.
ENDS = {"'": re.compile("'"), '"': re.compile(r'(?<!\\)"'), "[": re.compile("]")}


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
        if (end := ENDS.get(value[:1])) and not end.search(value, 1):
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


def _up_to(end: re.Pattern[str], lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line.strip()
        if end.search(line):
            return


def _plain(value: str) -> str:
    first = value[:1]
    if first not in ("'", '"'):
        return COMMENT.sub("", value).rstrip()
    end = ENDS[first].search(value, 1)
    inner = value[1 : end.start()] if end else value[1:]
    return inner.replace('\\"', '"') if first == '"' else inner
