"""A database's URL as an argument: where it has a password, by the name of a variable that has it,
for the list of processes shows arguments.
"""

from urllib.parse import urlsplit

from django.core.management.base import CommandError

from gateway import setting_table
from gateway.database_url import check_database_url

VARIABLE = "env:"


def checked_url(given: str, name: str) -> str:
    """`name`: of the argument. Raises CommandError, which has no password in it."""
    url = named_text(given, name)
    if complaint := check_database_url(url):
        raise CommandError(f"{name} {complaint}")
    parts = urlsplit(url)
    if not is_named(given) and (parts.password or "password=" in parts.query):
        raise CommandError(
            f"{name} has a password, which the list of processes would show: put the URL into a"
            f" variable, and name that as {VARIABLE}NAME"
        )
    return url


def is_named(given: str) -> bool:
    return given.startswith(VARIABLE)


def named_text(given: str, name: str) -> str:
    """The argument, or what the variable holds that it names. Raises CommandError."""
    return _of_variable(given.removeprefix(VARIABLE), name) if is_named(given) else given


def _of_variable(variable: str, name: str) -> str:
    if variable == "DATABASE_URL":
        return str(setting_table.database_url)  # which has a default
    url: str | None = setting_table.env.text(variable)
    if url is None:
        raise CommandError(f"{name}: {variable} is not set.")
    return url
