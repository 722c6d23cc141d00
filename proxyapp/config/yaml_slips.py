"""Frequent slips in YAML in plain words: what stands there, and what to write. Never the value."""

import re

from yaml import MarkedYAMLError

from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

# What stands before a value: indentation, list items, the name of a field.
BEFORE_VALUE = re.compile(r"[ \t]*(?:[-?][ \t]+)*(?:[\w.-]{1,60}[ \t]*:[ \t]+)?")
TAB_BEFORE = re.compile(r"[ ]*(?:[-?:][ ]*)*\t")
NEED_QUOTES = frozenset("@`%*&!|>,]}?-")
BEGINNING = gettext_noop("a value cannot begin with %(character)s: put the whole value in quotes")
TAB = gettext_noop("a tab; YAML takes spaces only there: put spaces in its place")
# The words of both parsers: the one in C, and the other where it is missing.
NEXT_FIELD = re.compile(r"expected (?:key|'-' indicator|<block end>)")
UNCLOSED = re.compile(r"did not find expected ',' or '([]}])'|expected ',' or '([]}])'")


def slip(error: MarkedYAMLError, lines: list[str]) -> tuple[int, str] | None:
    """The line's index and what is wrong; None where the parser's own words have to do."""
    mark, problem = error.problem_mark, error.problem or ""
    if mark is None:
        return None
    line = lines[mark.line] if mark.line < len(lines) else ""
    if line[mark.column : mark.column + 1] == "\t" or TAB_BEFORE.match(line):
        return mark.line, _(TAB)
    if "expected ':'" in problem and mark.line:
        if TAB_BEFORE.match(lines[mark.line - 1]):
            return mark.line - 1, _(TAB)
        return mark.line - 1, _("no field: a colon and a space are missing after its name")
    said = _of_value(line, mark.column, problem) or _of_place(error, problem)
    return (mark.line, said) if said else None


def _of_value(line: str, column: int, problem: str) -> str | None:
    found = BEFORE_VALUE.match(line)
    value = line[found.end() :] if found else ""
    first, here = value[:1], line[column : column + 1]
    if "cannot start any token" in problem and here in NEED_QUOTES:
        return _(BEGINNING) % {"character": here}
    if "unknown escape" in problem:
        return _(
            "a backslash in double quotes begins an escape: use single quotes, or write it twice"
        )
    if first in {"'", '"'} and NEXT_FIELD.search(problem):
        return _("text after the closing quote: a ' in single quotes is written '', a \" as \\\"")
    if "mapping values are not allowed" in problem and re.search(r":(?:\s|$)", value):
        return _("a second colon with a space behind it: put the whole value in quotes")
    if first in NEED_QUOTES and column >= len(line) - len(value):
        return _(BEGINNING) % {"character": first}
    return None


def _of_place(error: MarkedYAMLError, problem: str) -> str | None:
    mark = error.context_mark
    opened = _("line %(line)s") % {"line": mark.line + 1} if mark else _("above")
    if "unexpected end of stream" in problem:
        return _("the quote that opens in %(place)s is never closed") % {"place": opened}
    if UNCLOSED.search(problem):
        return _(
            "the [ or { of %(place)s is not closed, a comma is missing, or a value in it needs"
            " quotes"
        ) % {"place": opened}
    if "mapping values are not allowed" in problem:
        return _(
            "this field stands deeper than the one above, or that one has no space after its"
            " colon: align them"
        )
    if NEXT_FIELD.search(problem):
        return _(
            "not aligned with the lines above: give what belongs together the same indentation"
        )
    return None
