"""The catalogues of the pages' words, made of the sources: `make messages`.

Without places and dates, so that a change of a word is all that a diff shows. It takes GNU gettext.
"""

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import django
from django.core.management import call_command
from django.core.management.commands import makemessages
from django.test import override_settings

from tests.support.gateway import ROOT

LOCALES = ROOT / "gateway/locale"
LANGUAGES = ("zh_Hans",)
# Everything else of the repository has no words of pages.
SOURCES = ("gateway", "proxyapp", "templates")


class Messages(makemessages.Command):
    """A guess of what a new text could be is worse than none."""

    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]


def catalogue(language: str, place: Path = LOCALES) -> Path:
    return place / language / "LC_MESSAGES/django.po"


def refresh(language: str, place: Path) -> None:
    """Brings the catalogue below `place` up to date with the sources."""
    others = [path.name for path in ROOT.iterdir() if path.name not in SOURCES]
    ignored = [*others, "*/locale", "*/static", "*/migrations"]
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        with override_settings(LOCALE_PATHS=[place]), redirect_stdout(io.StringIO()):
            call_command(
                Messages(),
                locale=[language],
                ignore_patterns=ignored,
                no_location=True,
                no_obsolete=True,
                no_wrap=True,
                verbosity=0,
            )
    finally:
        os.chdir(here)
    file = catalogue(language, place)
    run("msgcat", "--sort-output", "--no-wrap", "--no-location", "-o", str(file), str(file))
    file.write_text("".join(_lasting(file.read_text().splitlines(keepends=True))))


def _lasting(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith('"POT-Creation-Date')]


def translate_to(file: Path, program: Path) -> None:
    """What processes read of a catalogue. A place that a translation lacks is an error."""
    run("msgfmt", "--check", "-o", str(program), str(file))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)


def main() -> None:
    if shutil.which("msgfmt") is None:
        sys.exit("It takes GNU gettext. On Debian and Ubuntu: apt install gettext")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    django.setup()
    for language in LANGUAGES:
        refresh(language, LOCALES)
        file = catalogue(language)
        translate_to(file, file.with_suffix(".mo"))
        print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
