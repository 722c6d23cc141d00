"""A passphrase from a descriptor, the environment or the terminal: never from an argument, which
the list of processes shows.
"""

import os
import sys
from getpass import getpass

from django.core.management.base import CommandError

from proxyapp.operators.moving_file import LEAST_PASSPHRASE

VARIABLE = "MOVING_PASSPHRASE"


def passphrase(descriptor: int | None, *, is_new: bool) -> str:
    """`is_new`: asked for twice, and not too short. Raises CommandError."""
    given = _given(descriptor, is_new=is_new)
    if not given:
        raise CommandError("No passphrase was given.")
    if is_new and len(given) < LEAST_PASSPHRASE:
        raise CommandError(f"The passphrase must have {LEAST_PASSPHRASE} characters or more.")
    return given


def _given(descriptor: int | None, *, is_new: bool) -> str:
    if descriptor is not None:
        return _read(descriptor)
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    if not sys.stdin.isatty():
        raise CommandError(
            f"There is no terminal to ask for the passphrase: set {VARIABLE}, or name a descriptor"
            " with --passphrase-fd"
        )
    first = getpass("Passphrase: ")
    if is_new and getpass("Once more: ") != first:
        raise CommandError("The two are not the same.")
    return first


def _read(descriptor: int) -> str:
    try:
        with os.fdopen(
            descriptor, encoding="utf-8", errors="surrogateescape", closefd=False
        ) as file:
            return file.readline().rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise CommandError(f"Descriptor {descriptor} cannot be read: {error}") from None
