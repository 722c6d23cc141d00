"""Files with secrets that a config file names."""

import os
import stat
from pathlib import Path

from proxyapp.vocabulary.file_errors import why_unread
from proxyapp.vocabulary.in_words import gettext as _


class NamedFileError(Exception):
    """Why it gives nothing, and its path; never what is in it."""


def beginning(path: Path, count: int) -> bytes:
    """Its first `count` bytes. Raises NamedFileError."""
    try:
        with open(path, "rb", opener=_unblocked) as file:
            is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(count) if is_regular else b""
    except (OSError, ValueError) as error:
        raise NamedFileError(
            _("cannot be read: %(path)s: %(why)s") % {"path": path, "why": why_unread(error)}
        ) from None
    if not is_regular:
        raise NamedFileError(_("is not a regular file: %(path)s") % {"path": path})
    return content


def _unblocked(path: str, flags: int) -> int:
    """A pipe without a writer is no reason to wait."""
    return os.open(path, flags | os.O_NONBLOCK)
