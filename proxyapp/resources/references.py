"""Which resources a request's body and query name, found without a parse.

A JSON text inside of a string has its quotes escaped: it is what a client says, and names nothing.
Most bodies name none, and are only searched for the start of a few fields.
"""

import json
import re
from collections.abc import Generator
from mmap import mmap
from typing import Final, NamedTuple
from urllib.parse import unquote_plus, urlsplit

from proxyapp.resources.kinds import KINDS, Area, ResourceKind
from proxyapp.resources.names import is_of_requests, name_of, named_in_path, resource_path
from proxyapp.vocabulary.remembered import remembered

# One more tells that there are too many; what is beyond it is not looked for.
MOST_REFERENCES: Final = 32
# Of a long body so much at once: a tenth of a millisecond.
STEP_BYTES = 64 * 1024
# Values that were looked at already; a body has one of them many times, or strange ones.
_MOST_SEEN: Final = 1024
_SPACE: Final = rb"[ \t\r\n]*"
_INSIDE: Final = rb'([^"\\]{0,512}(?:\\.[^"\\]{0,512}){0,256})'
_COLON: Final = re.compile(_SPACE + b":" + _SPACE)
_STRING: Final = re.compile(b'"' + _INSIDE + b'"', re.DOTALL)
_ITEM: Final = re.compile(_SPACE + b'"' + _INSIDE + b'"' + _SPACE + b",?", re.DOTALL)
# The start of a field with letters of ASCII written as escapes, which nothing makes a client do.
_LONGEST_FIELD: Final = 24
_ESCAPED: Final = rb"[A-Za-z_]{0,%d}\\u00" % _LONGEST_FIELD
_ESCAPED_FIELD: Final = re.compile(rb'"((?:\w{0,32}\\u00[0-9a-fA-F]{2}){1,32}\w{0,32})"')
# In the body of `/batch`, which holds requests.
_INNER_REQUEST: Final = re.compile(rb"^[A-Z]{3,7} +(\S{1,8192})", re.MULTILINE)


class AreaFields(NamedTuple):
    """Of an area: what finds its fields, and what each names. One that has letters written as
    escapes is only begun; `plain` finds none of these, in a third of the time.
    """

    plain: re.Pattern[bytes]
    pattern: re.Pattern[bytes]
    kinds: dict[bytes, tuple[ResourceKind, bool]]


def references_in(body: bytes, path: bytes) -> tuple[str, ...]:
    """Each name once, in their order; one more than MOST_REFERENCES: there are too many."""
    fields = _fields_of(path)
    if fields is None:
        return ()
    has_escapes = body.find(b"\\") >= 0 and body.find(b"\\u00") >= 0
    first = (fields.pattern if has_escapes else fields.plain).search(body)
    if first is None and not is_of_requests(path):
        return ()
    found = FoundNames(fields)
    if first is not None:
        found.search(body, first.start(), len(body))
    if is_of_requests(path):
        found.search_inner_requests(body)
    return found.names()


def finding_references(body: bytes | mmap, path: bytes) -> Generator[None, None, tuple[str, ...]]:
    """The same of a long body, in steps."""
    fields = _fields_of(path)
    if fields is None:
        return ()
    found = FoundNames(fields)
    for start in range(0, len(body), STEP_BYTES):
        found.search(body, start, start + STEP_BYTES + _LONGEST_FIELD + len('"\\u00'))
        yield
    return found.names()


def references_in_query(query: bytes, path: bytes) -> tuple[str, ...]:
    """Google reads parameters as fields of the request, also in the form `outer.inner`."""
    fields = _fields_of(path)
    if fields is None:
        return ()
    found = FoundNames(fields)
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if b"%" in name or b"." in name:
            name = unquote_plus(name.decode("latin-1")).rpartition(".")[2].encode()
        named = fields.kinds.get(name)
        if named is not None:
            found.add(unquote_plus(value.decode("latin-1")), *named)
    return found.names()


class FoundNames:
    """What was found in one request, part by part."""

    def __init__(self, fields: AreaFields) -> None:
        self._fields = fields
        self._names: dict[str, None] = {}
        self._seen: set[bytes] = set()

    def names(self) -> tuple[str, ...]:
        return tuple(self._names)

    @property
    def is_full(self) -> bool:
        return len(self._names) > MOST_REFERENCES

    def add(self, text: str, kind: ResourceKind, is_id: bool) -> None:
        name = name_of(text, kind, is_id=is_id)
        if name is not None and not self.is_full:
            self._names[name] = None

    def search(self, body: bytes | mmap, start: int, end: int) -> None:
        """For fields in this part; a value may go on behind it."""
        for field in self._fields.pattern.finditer(body, start, end):
            if self.is_full:
                return
            name, place = field[1], field.end()
            if name is None:
                escaped = _ESCAPED_FIELD.match(body, field.start())
                text = _text_of(escaped[1]) if escaped else None
                if escaped is None or text is None:
                    continue
                name, place = text.encode("utf-8", "replace"), escaped.end()
            colon = _COLON.match(body, place)
            if colon is not None and name in self._fields.kinds:
                self._take(name, body, colon.end())

    def search_inner_requests(self, body: bytes) -> None:
        for inner in _INNER_REQUEST.finditer(body):
            name = named_in_path(_path_of(inner[1]))
            if name is not None and not self.is_full:
                self._names[name] = None

    def _take(self, field: bytes, body: bytes | mmap, place: int) -> None:
        kind, is_id = self._fields.kinds[field]
        if (only := _STRING.match(body, place)) is not None:
            self._take_value(only[1], kind, is_id)
        elif body[place : place + 1] == b"[":
            place += 1
            while (item := _ITEM.match(body, place)) is not None and not self.is_full:
                self._take_value(item[1], kind, is_id)
                place = item.end()

    def _take_value(self, value: bytes, kind: ResourceKind, is_id: bool) -> None:
        if value in self._seen:
            return
        if len(self._seen) < _MOST_SEEN:
            self._seen.add(value)
        text = _text_of(value)
        if text is not None:
            self.add(text, kind, is_id)


def _text_of(value: bytes) -> str | None:
    """What is between quotes; None: no parser takes it."""
    if b"\\" not in value:
        return value.decode("utf-8", "replace")
    try:
        return str(json.loads(b'"' + value + b'"', strict=False))
    except ValueError:
        return None


def _path_of(target: bytes) -> bytes:
    try:
        return urlsplit(target).path
    except ValueError:
        return b""


@remembered
def _fields_of(path: bytes) -> AreaFields | None:
    return _FIELDS.get(resource_path(path).area)


def _of_area(area: Area) -> AreaFields:
    kinds = {
        field.name.encode(): (kind, field.is_id)
        for kind in KINDS.values()
        for field in kind.fields
        if area in field.areas
    }
    names = b"|".join(kinds)
    # The quote is not escaped itself: it begins a field.
    plain = re.compile(rb'"(?<!\\")(%b)"' % names)
    pattern = re.compile(rb'"(?<!\\")(?:(%b)"|%b)' % (names, _ESCAPED))
    return AreaFields(plain, pattern, kinds)


_FIELDS: dict[Area, AreaFields] = {area: _of_area(area) for area in Area if area}
