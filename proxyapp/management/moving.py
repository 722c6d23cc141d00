"""`export_config --everything` and what `import_config` does with such a file."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from gateway import setting_table
from gateway.places import NAME
from gateway.secret_key import add_moved
from proxyapp.config.exporting import write_private
from proxyapp.management.passphrase import passphrase
from proxyapp.operators.moving import Moved, pack, restore
from proxyapp.operators.moving_file import MovingFileError, is_moving_file, seal, unseal

CARRIED = ("SECRET_KEY", "SECRET_KEY_FALLBACKS")


def export_everything(file: Path, descriptor: int | None) -> str:
    secret = passphrase(descriptor, is_new=True)
    try:
        write_private(file, seal(pack(timezone.now(), set_here()), secret))
    except MovingFileError as error:
        raise CommandError(f"Nothing was written: {error}") from error
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror or error}") from error
    return (
        f"Everything is in {file}, encrypted. `{NAME} import_config {file.name}` restores it on"
        " a new machine. Usage, requests, past events and the audit log stay here."
    )


def is_everything(file: Path) -> bool:
    """A pipe is not looked into: what was read of it would be gone."""
    if not file.is_file():
        return False
    try:
        with file.open("rb") as opened:
            return is_moving_file(opened.read(64))
    except OSError:
        return False  # the config file's reader says what is wrong


def import_everything(file: Path, descriptor: int | None, *, dry_run: bool) -> list[str]:
    secret = passphrase(descriptor, is_new=False)
    try:
        content = unseal(file.read_bytes(), secret)
        moved = restore(content, str(file.absolute()), dry_run=dry_run, keep=keep_secrets)
    except MovingFileError as error:
        raise CommandError(f"{file} was not imported: {error}. Nothing was changed.") from error
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror or error}") from error
    return [*_told(moved), *([] if dry_run else [_next_step()])]


def set_here() -> list[str]:
    """What the environment and `.env` say, for who sets up the next machine; no secret's value."""
    lines = []
    for row in setting_table.table.rows:
        for name in row.names:
            given = setting_table.env.text(name)
            if given is not None and row.name not in CARRIED:
                is_secret = row.is_secret and name == row.name
                lines.append(f"{name}={'(a secret)' if is_secret else given}")
    return lines


def keep_secrets(secrets: list[str]) -> None:
    """Of another machine: its hashes need them. Raises OSError."""
    known = {settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS}
    if new := [secret for secret in secrets if secret not in known]:
        add_moved(settings.VAR_DIR, new)


def _told(moved: Moved) -> list[str]:
    lines = [f"{count} {name}" for name, count in moved.counts.items()]
    if moved.settings:
        lines += ["Set on the machine it comes from, and to be set here:", *moved.settings]
    return lines


def _next_step() -> str:
    return "Start the gateway anew: it then knows the secrets that client tokens were made with."
