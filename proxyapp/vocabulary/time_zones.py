"""The zone that logs and commands tell times in."""

import functools
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo


@functools.cache
def zone_named(name: str) -> tzinfo:
    """As TZ names one: `Europe/Berlin`, `:Europe/Berlin`, a file, or nothing for UTC.

    Raises ValueError, OSError or KeyError.
    """
    name = name.removeprefix(":")
    if name in ("", "UTC"):
        return UTC
    if not name.startswith("/"):
        return ZoneInfo(name)
    with Path(name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
