"""Which model a form (multipart/form-data, RFC 7578) names: audio, edits of images, videos.

Only what every parser reads alike counts. A form that one of them could take apart in another way,
at a boundary that is none or in a header that says two things, is not plain.
"""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from proxyapp.provider.model_fields import chooses_model
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.sliced import Sliced

# A boundary is looked for in so much of what is nearly it in a quarter of a millisecond.
PIECE_BYTES = 32 * 1024
# More than a client's form has, and read in as many.
MOST_PARTS = 100
HEAD_BYTES = 8 * 1024
# No model's name is nearly that long; what else chooses one is looked for in so much of a field.
NAME_BYTES = 1000
FIELD_BYTES = 64 * 1024
END = b"\r\n"

_CHARSET = rb'charset=(?:"?utf-8"?|"?us-ascii"?)'
_TYPE = re.compile(
    rb"multipart/form-data;[ \t]*(?:%b;[ \t]*)?"
    rb"boundary=(?:([0-9A-Za-z'+_.-]{1,70})|\"([0-9A-Za-z'()+_,./:=?-]{1,70})\")(?:;[ \t]*%b)?"
    % (_CHARSET, _CHARSET),
    re.IGNORECASE,
)
_LINE = re.compile(rb"([\w!#$%&'*+.^`|~-]+):[ \t]*([^\r\n\x00]*)")
# A name comes first, for who looks for `name=` in the whole line; nor is there one in a file's.
_DISPOSITION = re.compile(
    rb'form-data;[ \t]*name=(?:"([^"\\%;\x00-\x1f]*)"|([\w.\[\]-]+))'
    rb'((?:;[ \t]*filename\*?=(?:"[^"\\;]*"|[^\s";]+)){0,2})[ \t]*',
    re.IGNORECASE,
)
_TEXT = re.compile(rb"text/plain(?:;[ \t]*%b)?" % _CHARSET, re.IGNORECASE)
_PLAIN_CODINGS = (b"", b"7bit", b"8bit", b"binary")
# Also what JSON's escapes may hide.
_CHOOSING = re.compile(rb"model|fallback|engine|deployment|agent|preset|route|\\", re.IGNORECASE)
BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class FormModels:
    """`is_plain`: every parser reads the form alike, and at most one field names a model, by the
    name `model`.
    """

    is_plain: bool = False
    names: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        """Empty when it names none, or not plainly."""
        return self.names[0] if self.is_plain and self.names else ""


class UnclearForm(Exception):
    """Two parsers could read it in two ways."""


def boundary_of(headers: Sequence[Header]) -> bytes | None:
    """None: it is no multipart form, or not plainly one."""
    types = [value for name, value in headers if name == b"content-type"]
    is_packed = any(name == b"content-encoding" for name, _ in headers)
    found = _TYPE.fullmatch(types[0].strip()) if len(types) == 1 and not is_packed else None
    return (found[1] or found[2]) if found else None


def reading_form(body: Sliced, boundary: bytes) -> Generator[None, None, FormModels]:
    """In steps of some microseconds to a millisecond."""
    form, mark, start = FormModels(), b"--" + boundary, 0
    if body[: len(mark)] != mark:
        return form
    try:
        for count in range(MOST_PARTS + 1):
            place = yield from _found(body, mark, start)
            _check_line(body, mark, place, is_first=not count)
            if count:
                _note(body, start, place - len(END), form)
            end = place + len(mark)
            if body[end : end + 2] == b"--":
                form.is_plain = len(form.names) <= 1 and body[end + 2 : end + 5] in (b"", END)
                return form
            start = end + len(END)
            yield
    except UnclearForm:
        pass
    return FormModels()


def _found(body: Sliced, mark: bytes, start: int) -> Generator[None, None, int]:
    """Raises UnclearForm: a form has its end."""
    for place in range(start, len(body), PIECE_BYTES):
        at = body[place : place + PIECE_BYTES + len(mark) - 1].find(mark)
        if at >= 0:
            return place + at
        yield
    raise UnclearForm


def _check_line(body: Sliced, mark: bytes, place: int, *, is_first: bool) -> None:
    """The boundary has a line of its own, wherever it stands."""
    before = body[max(0, place - len(END)) : place]
    after = body[place + len(mark) : place + len(mark) + 2]
    if (not is_first and before != END) or after not in (END, b"--"):
        raise UnclearForm


def _note(body: Sliced, start: int, end: int, form: FormModels) -> None:
    head, found, _ = body[start : min(start + HEAD_BYTES, end)].partition(END + END)
    if not found:
        raise UnclearForm
    lines = _lines(head)
    said = _DISPOSITION.fullmatch(lines.get(b"content-disposition", b""))
    kind = lines.get(b"content-type", b"")
    if said is None or kind.lower().startswith((b"multipart/", b"message/")):
        raise UnclearForm
    name, is_file = (said[1] or said[2] or b"").decode("utf-8", "replace"), bool(said[3])
    start += len(head) + 2 * len(END)
    if name == "model" and not is_file and end - start <= NAME_BYTES:
        coding = lines.get(b"content-transfer-encoding", b"").lower()
        if coding not in _PLAIN_CODINGS or (kind and not _TEXT.fullmatch(kind)):
            raise UnclearForm
        form.names.append(body[start:end].decode("utf-8", "replace"))
    elif chooses_model(name) or name == "_charset_":
        raise UnclearForm
    elif not is_file:
        value = body[start : min(end, start + FIELD_BYTES)]
        _refuse_choice(value, is_whole=end - start <= FIELD_BYTES)


def _lines(head: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for line in head.split(END):
        parts = _LINE.fullmatch(line)
        if parts is None or parts[1].lower() in found:
            raise UnclearForm
        found[parts[1].lower()] = parts[2].strip()
    return found


def _refuse_choice(value: bytes, *, is_whole: bool) -> None:
    """JSON in a field may be what aggregators choose a model by."""
    is_json = value.removeprefix(BOM).lstrip()[:1] in (b"{", b"[")
    if is_json and (not is_whole or _CHOOSING.search(value)):
        raise UnclearForm
