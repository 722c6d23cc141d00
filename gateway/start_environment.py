"""The environment of this process before `.env` was added to it: successors read `.env` anew."""

import os
from pathlib import Path

from gateway.environment import Environment

GIVEN = dict(os.environ)


def as_at_a_start(file: Path) -> tuple[dict[str, str], list[str]]:
    """The variables with what `file` says of them now, and what is wrong with it.

    What is no regular file, such as a pipe, could be read once only: all stays as it is.
    """
    if file.exists() and not file.is_file():
        return dict(os.environ), []
    variables = dict(GIVEN)
    environment = Environment(variables)
    environment.read_file(file, is_named=False)
    return variables, environment.problems


def name_settings() -> str:
    """The module of Django's settings, for Django as well."""
    return os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
