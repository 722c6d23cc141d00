"""Text for whatever terminal or pipe there is: nothing that it cannot show ends a command."""

import codecs
import io
import os
import sys
from typing import Any, TextIO

INSTEAD = {"…": "...", "•": "*", "→": "->", "–": "-", "—": "-", "×": "x", "’": "'"}  # noqa: RUF001


def write_to_any(*streams: TextIO | None) -> None:
    """From now on they write what their encoding lacks in other letters, or as an escape."""
    codecs.register_error("instead", _instead)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="instead")


def tell(text: str) -> None:
    """Who reads it may have gone, or the disk that keeps it be full: no reason not to serve."""
    try:
        print(text, flush=True)
    except OSError:
        tell_nobody()


def tell_nobody() -> None:
    """What waits in the buffer goes nowhere, and so does what comes."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def takes_unicode(stream: Any) -> bool:
    """So does a stream that keeps text and has no encoding."""
    return codecs.lookup(getattr(stream, "encoding", None) or "utf-8").name == "utf-8"


def _instead(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(INSTEAD.get(letter) or _escaped(letter) for letter in lacking), error.end


def _escaped(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode("ascii")
