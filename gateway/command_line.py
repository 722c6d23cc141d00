"""The command line, of a checkout (`manage.py`) and of a package (`gemini-gateway`) alike."""

import importlib
import sys
from typing import TextIO, cast

from gateway import start_environment, system

READER_HAS_GONE = 141  # as a shell says it of SIGPIPE


def run() -> None:
    system.refuse_foreign()
    system.leave_out_unused()
    system.speak_utf8()
    from proxyapp.process.first_process import heed_termination, reap_orphans
    from proxyapp.process.sighup import hold_hangups
    from proxyapp.vocabulary.log_masking import MaskingStream
    from proxyapp.vocabulary.terminal import tell_nobody, write_to_any

    write_to_any(sys.stdout, sys.stderr)
    sys.stderr = cast(TextIO, MaskingStream(sys.stderr))
    if sys.argv[1:2] == ["serve"]:
        hold_hangups()
        heed_termination()
        reap_orphans()
        if sys.argv[-2:-1] == ["--supervise"]:
            from proxyapp.process import supervision

            sys.exit(supervision.go_on(sys.argv[-1]))
    if sys.argv[1:] == ["--version"]:
        from proxyapp.vocabulary.version import version

        print(version())
        return
    if sys.argv[1:2] == ["init"]:
        from gateway import initial_files

        sys.exit(initial_files.main(sys.argv[2:]))
    load_settings()
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:  # as `keys list | head` does it
        tell_nobody()
        sys.exit(READER_HAS_GONE)


def load_settings() -> None:
    """A bad setting is one line, not a traceback."""
    try:
        from django.core.exceptions import ImproperlyConfigured
    except ImportError:
        sys.exit(
            f"Django is not installed for {sys.executable}. Use the Python of the virtualenv that"
            " `make run` makes (.venv/bin/python manage.py …), or install requirements.txt into"
            " one."
        )
    try:
        importlib.import_module(start_environment.name_settings())
    except (ImproperlyConfigured, ValueError, LookupError, TypeError, OSError) as error:
        sys.exit(f"Bad setting: {error}")
