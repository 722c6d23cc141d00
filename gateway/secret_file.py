"""`NAME_FILE` in the place of `NAME`: a secret in a file of its own, as Docker and Kubernetes hand
them on.
"""

import stat
from collections.abc import Mapping
from pathlib import Path

SUFFIX = "_FILE"
MOST_BYTES = 16 * 1024 * 1024
# Of a part of a path; what is longer, or does not begin at the root, may be the secret itself.
LONGEST_PART = 40


class SecretFileError(ValueError):
    """What is wrong with the file, by its name; never with anything of it."""


def secret_of(variables: Mapping[str, str], name: str) -> str | None:
    """The file's text, but for a byte order mark and the end of its last line. None: none is named.

    It is in the memory of this process only: its successors read the file again. Raises
    SecretFileError.
    """
    given = variables.get(name + SUFFIX, "")
    if not given.strip():
        return None
    if variables.get(name, "").strip():
        raise SecretFileError(f"{name} and {name}{SUFFIX} are both set: leave one of them out")
    try:
        return _text_of(Path(given))
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except ValueError as error:
        reason = str(error)
    if _may_be_shown(given):
        raise SecretFileError(f"{name}{SUFFIX}={given!r} {reason}")
    raise SecretFileError(
        f"{name}{SUFFIX} {reason} (it must be the path of a file that has the value in it)"
    )


def _text_of(path: Path) -> str:
    """Raises OSError, and ValueError with what is wrong."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise ValueError("is a directory: name the file in it")
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("is no file that can be read again, at a restart")
    if found.st_size > MOST_BYTES:
        raise ValueError("is too long for a secret")
    try:
        text = path.read_text(encoding="utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    if not text.strip():
        raise ValueError("is empty")
    return text


def _may_be_shown(given: str) -> bool:
    parts = given.split("/")
    return not parts[0] and max(map(len, parts)) <= LONGEST_PART
