"""The file that holds the gateway's secret when the environment does not.

`var/secret_key` has one secret a line: the first signs and encrypts, the others (older ones) still
decrypt what they once encrypted. To rotate, put a new secret on top and run `manage.py reencrypt`.
`var/moved_secrets` has those of a machine that moved here: its client tokens need them.
"""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from gateway import setting_checks as checks

MOVED = "moved_secrets"


def secrets_of(given: str, fallbacks: list[str], directory: Path) -> list[str]:
    """The current one first: that of the environment, or else those of the file in `directory`."""
    if given:
        return [given, *fallbacks, *_moved(directory)]
    try:
        current, *older = load_or_create(directory / "secret_key") or [""]
    except OSError as error:
        raise _unusable(directory, error) from None
    if not current:
        raise ImproperlyConfigured(
            f"{directory / 'secret_key'} is empty: delete it (a new one is made) or set SECRET_KEY"
        )
    if complaint := checks.secret(current):
        raise ImproperlyConfigured(f"The first line of {directory / 'secret_key'} {complaint}")
    return [current, *fallbacks, *older, *_moved(directory)]


def add_moved(directory: Path, secrets_there: list[str]) -> None:
    """Raises OSError. What is there already stays."""
    path = directory / MOVED
    lines = list(dict.fromkeys([*_moved(directory), *secrets_there]))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def _moved(directory: Path) -> list[str]:
    try:
        lines = (directory / MOVED).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable(directory, error) from None
    return [line.strip() for line in lines if line.strip()]


def _unusable(directory: Path, error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"VAR_DIR={str(directory)!r} cannot be used: {error.strerror}: {error.filename}. "
        "The user who runs the gateway has to own it; or choose another directory"
    )


def load_or_create(path: Path) -> list[str]:
    """The secrets of the file, current one first. Makes the file (0600) when it is missing."""
    if not path.exists():
        _create(path)
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line]


def _create(path: Path) -> None:
    """Several processes may start at once: the first to link its file in place wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(64) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
