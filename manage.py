#!/usr/bin/env python
"""Django's command line for the gateway."""

import os

from gateway import command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    command_line.run()


if __name__ == "__main__":
    main()
