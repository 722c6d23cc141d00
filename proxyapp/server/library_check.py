"""What a server's library must have besides what it promises, looked at before a start."""

from importlib.metadata import version
from typing import Any


class LibraryMismatch(Exception):
    """A library has changed inside; the text says what is missing and what to do."""


def require(library: str, owner: object, *names: str) -> None:
    """Attributes of a class, or of an object when only its `__init__` sets them."""
    for name in names:
        if not hasattr(owner, name):
            raise _mismatch(library, name, getattr(owner, "__name__", type(owner).__name__))


def require_in_code(library: str, function: Any, *names: str) -> None:
    """Attributes that the library itself reads or sets in `function`, and nowhere else."""
    for name in names:
        if name not in function.__code__.co_names:
            raise _mismatch(library, name, function.__qualname__)


def _mismatch(library: str, name: str, place: str) -> LibraryMismatch:
    return LibraryMismatch(
        f"{library} {version(library)} lacks {name} in {place}:"
        " install the version that requirements.txt pins."
    )
