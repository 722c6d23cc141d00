"""Where the gateway's own files are, beside `manage.py` in a checkout and within the package else;
and how its commands are called.
"""

import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
IS_CHECKOUT = (BASE_DIR / "manage.py").is_file()
SHIPPED = BASE_DIR if IS_CHECKOUT else BASE_DIR / "gateway" / "shipped"
IS_PACKAGE = not IS_CHECKOUT and SHIPPED.is_dir()
PAGES = SHIPPED / "templates"
# What an operator calls, and how in a shell.
NAME = "manage.py" if IS_CHECKOUT else "gemini-gateway"
COMMAND = f"python {NAME}" if IS_CHECKOUT else NAME


def program() -> list[str]:
    """What another process of the gateway begins with."""
    if IS_CHECKOUT:
        return [sys.executable, str(BASE_DIR / "manage.py")]
    # Without the directory of the process, which may have a `gateway` of its own.
    return [sys.executable, "-P", "-m", "gateway"]
