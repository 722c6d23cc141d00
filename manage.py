#!/usr/bin/env python
"""Django's command line for the gateway."""

import importlib
import os
import re
import sys
import traceback


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    load_settings()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def load_settings() -> None:
    """A bad setting is one line, not a traceback."""
    from django.core.exceptions import ImproperlyConfigured

    try:
        importlib.import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    except ImproperlyConfigured as error:
        sys.exit(f"Bad setting: {error}")
    except (ValueError, LookupError, TypeError, OSError) as error:
        sys.exit(f"Bad setting: {setting_name(error)}{error}")


def setting_name(error: BaseException) -> str:
    """From the line of the settings that read it."""
    lines = " ".join(frame.line or "" for frame in traceback.extract_tb(error.__traceback__))
    found = re.search(r"""\benv\.\w+\(\s*["'](\w+)""", lines)
    return f"{found[1]}: " if found else ""


if __name__ == "__main__":
    main()
