"""The log's last guard: what looks like a token of a client or an operator, the id of an upload, or
a key or token of Google's, is masked in every line.

A client may put its credential into a path, and Django and the servers write paths.
"""

import json
import logging
import re
from datetime import datetime
from typing import Any, TextIO

from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.time_zones import zone_named

# Of what is looked through for secrets before it is cut.
MOST_LOOKED_THROUGH = 1_000
_SECRET = re.compile(
    r"g[ko]-[A-Za-z0-9_-]{43}|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9._-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"
    r"|gku-[A-Za-z0-9_-]{40,}"
)


def without_secrets(text: str) -> str:
    return _SECRET.sub(lambda found: masked_key(found[0]), text)


def beginning(text: str, most: int) -> str:
    """Of what a client wrote: masked before it is cut, which might leave half a secret."""
    return without_secrets(text[:MOST_LOOKED_THROUGH])[:most]


def has_secret(text: str) -> bool:
    return _SECRET.search(text) is not None


class MaskingFormatter(logging.Formatter):
    """Also for tracebacks. Times are those of the operator's zone, and say so."""

    def __init__(self, fmt: str, *, time_zone: str = "") -> None:
        super().__init__(fmt)
        self._zone = zone_named(time_zone)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        moment = datetime.fromtimestamp(record.created, self._zone)
        return moment.isoformat(" ", "milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class JsonFormatter(MaskingFormatter):
    """One object a line. A record's `fields` stand in it beside the usual ones."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
        }
        fields: dict[str, Any] | None = getattr(record, "fields", None)
        told |= {"message": record.getMessage()} if fields is None else fields
        if record.exc_info:
            record.exc_text = record.exc_text or self.formatException(record.exc_info)
        if record.exc_text:
            told["traceback"] = record.exc_text
        text = without_secrets(json.dumps(told, default=str))
        return text.encode("ascii", "backslashreplace").decode()  # as JSON has it, too


class RefusalFilter(logging.Filter):
    """Leaves a line of each refusal of Django's: its traceback would let visitors fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True


class MaskingStream:
    """For what complains of a command line or a bug: argparse, say, repeats what it was given."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(without_secrets(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
