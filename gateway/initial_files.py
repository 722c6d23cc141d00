"""`gemini-gateway init [DIR]`: a config file and a secret for a new gateway."""

import os
import secrets
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from gateway.places import COMMAND, NAME, SHIPPED
from gateway.start_environment import GIVEN
from proxyapp.vocabulary.new_private_file import write_new

SETTINGS = """\
# Settings of the gateway: README, Settings, has them all.
# Keep this file as it is kept by now: readable for you only (0600), and out of version control.

# Encrypts the keys in the database: without it they are lost, so keep a copy apart from backups.
SECRET_KEY={secret}
"""


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    parser = ArgumentParser(
        prog=f"{NAME} init",
        description="Writes config.yaml and .env, with a new secret, for a gateway in DIR.",
    )
    home = GIVEN.get("GATEWAY_HOME") or "."
    parser.add_argument(
        "directory", nargs="?", default=home, metavar="DIR", help="default: GATEWAY_HOME, or here"
    )
    directory = Path(parser.parse_args(arguments).directory)
    try:
        written = write_into(directory)
    except FileExistsError as error:
        print(f"{error.filename} is there already: nothing was written.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    for line in _next_steps(directory, written):
        print(line)
    return 0


def write_into(directory: Path) -> list[Path]:
    """All of them or none. Raises OSError; FileExistsError before anything is written."""
    texts = {
        directory / "config.yaml": (SHIPPED / "config.example.yaml").read_text(encoding="utf-8"),
        directory / ".env": SETTINGS.format(secret=secrets.token_urlsafe(48)),
    }
    for path in texts:
        if os.path.lexists(path):
            raise FileExistsError(17, "File exists", str(path))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number, (path, text) in enumerate(texts.items()):
        try:
            write_new(path, text)
        except OSError:
            for earlier in list(texts)[:number]:
                earlier.unlink()
            raise
    return list(texts)


def _next_steps(directory: Path, written: Sequence[Path]) -> list[str]:
    where = shlex.quote(str(directory.absolute()))
    return [
        f"Written: {', '.join(map(str, written))}",
        f"1. Put your keys into {directory / 'config.yaml'}, or add them in the admin later.",
        f"2. GATEWAY_HOME={where} {COMMAND} serve",
        "3. Open the admin's address that the start prints, with the password that it prints once.",
    ]
