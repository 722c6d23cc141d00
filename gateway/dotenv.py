"""Lines of a `.env` file, of which only those are taken that everybody reads alike.

The same file is read by the gateway, by docker compose (`env_file:`, `.env`) and by systemd
(`EnvironmentFile=`). Where those two give different values nobody can know which was meant:

- ` # …` after a value: compose cuts it off, systemd keeps it (comments are whole lines there);
- `$`: compose fills in variables unless the value is in single quotes, systemd never does;
- `\\`: compose keeps it outside of quotes and reads escapes such as `\\n` in double ones, systemd
  drops it or joins the next line, also to a comment;
- after a closing quote compose allows a comment only, systemd goes on with the value;
- `export NAME=`, `NAME: value`, `;` and a byte order mark mean something to one of them only.

Sources: the interpolation page of compose's documentation and its dotenv reader (compose-go);
systemd.exec(5) on EnvironmentFile=, and systemd's env-file reader.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

BYTE_ORDER_MARK = "\ufeff"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
COMMENT = re.compile(r"(?:^|\s)#")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

SINGLE_QUOTES = "write the value in single quotes"


@dataclass(frozen=True, slots=True)
class Assignment:
    """`line` counts from 1."""

    line: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a line and what to write instead; it never repeats the line."""

    line: int
    text: str


class _Unclear(ValueError):
    pass


def read(text: str) -> Iterator[Assignment | Complaint]:
    """Of a name that is given twice the last one counts: compose and systemd agree on it."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        try:
            assignment = _assignment(line, number)
        except _Unclear as unclear:
            yield Complaint(number, str(unclear))
        else:
            if assignment is not None:
                yield assignment


def _assignment(line: str, number: int) -> Assignment | None:
    """None: a comment, or nothing. Raises _Unclear."""
    text = line.lstrip(BYTE_ORDER_MARK).strip(" \t")
    if not text:
        return None
    if text.startswith("#"):
        if text.endswith("\\"):
            raise _Unclear(
                "is a comment that ends in a backslash, and systemd takes the next line for a part"
                " of it: leave the backslash out"
            )
        return None
    if line.startswith(BYTE_ORDER_MARK):
        raise _Unclear(
            "follows a byte order mark, which systemd takes for a part of the name: save the file"
            " as UTF-8 without it"
        )
    name, sign, value = text.partition("=")
    if not sign or _NAME.fullmatch(name) is None:
        raise _Unclear(_of_other_form(text))
    return Assignment(number, name, _value(value.strip(" \t")))


def _of_other_form(text: str) -> str:
    if re.match(r"export\s", text):
        return "begins with `export`, which systemd does not read: leave it out"
    if text.startswith(";"):
        return "is a comment for systemd only: begin it with #"
    if re.match(r"[A-Za-z_]\w*\s+=", text):
        return "has a space before `=`: leave it out"
    return "is not of the form NAME=value"


def _value(text: str) -> str:
    if CONTROL.search(text) or text != text.strip():
        raise _Unclear("has a control character or an invisible space in its value")
    if text[:1] in ("'", '"'):
        return _quoted(text[0], text[1:])
    if COMMENT.search(text):
        raise _Unclear(
            "has a `#` in or after its value, which is a comment for docker compose and a part of"
            " the value for systemd: put the comment on a line of its own, or"
            f" {SINGLE_QUOTES}"
        )
    _refuse_what_is_filled_in(text)
    return text


def _quoted(quote: str, text: str) -> str:
    value, end, rest = text.partition(quote)
    if not end:
        raise _Unclear("has a quote that is not closed on it: close it, or leave it out")
    if rest:
        raise _Unclear(
            "has more after the closing quote, which docker compose and systemd read differently:"
            " put a comment on a line of its own, and do not put the kind of quotes that are"
            " around a value into it"
        )
    if value.endswith("\\"):
        raise _Unclear(
            "has a backslash before the closing quote, which docker compose and systemd read"
            " differently: end the value with another character"
        )
    if quote == '"':
        _refuse_what_is_filled_in(value)
    return value


def _refuse_what_is_filled_in(value: str) -> None:
    if "$" in value:
        raise _Unclear(
            "has a `$` in its value, which docker compose fills in and systemd does not:"
            f" {SINGLE_QUOTES}"
        )
    if "\\" in value:
        raise _Unclear(
            "has a backslash in its value, which docker compose and systemd read differently:"
            f" {SINGLE_QUOTES}"
        )
