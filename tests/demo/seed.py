"""`python -m tests.demo.seed`: gives the demo's gateway a past.

The gateway's settings are in the environment.
"""

import os
import sys

import django


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    django.setup()
    from django.utils import timezone

    from tests.demo.clients import write_clients
    from tests.demo.history import WrongDatabase, write_history

    try:
        write_history(timezone.now())
        write_clients(timezone.now())
    except WrongDatabase as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
