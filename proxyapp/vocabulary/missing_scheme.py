"""What to write in place of an address that has no scheme. A password is never repeated, nor is
what may be a key.
"""

import re
from collections.abc import Sequence

from proxyapp.vocabulary.in_words import gettext as _

NAME = r"[a-z0-9_](?:[a-z0-9_-]{0,29}[a-z0-9_])?"
DOMAIN = rf"(?:{NAME}\.)+[a-z]{{2,18}}"
IPV4 = r"(?:\d{1,3}\.){3}\d{1,3}"
IPV6 = r"\[[0-9A-Fa-f:.]{2,45}\]"
PORT = r":\d{1,5}"
PATH = r"(?:/[A-Za-z0-9._-]{0,20})*"
ADDRESS = re.compile(
    rf"(?:(?:{IPV4}|{IPV6}|localhost|{DOMAIN})(?:{PORT})?|{NAME}{PORT}){PATH}",
)
# As sellers of proxies list them.
WITH_USER_BEHIND = re.compile(rf"((?:{IPV4}|localhost|{DOMAIN}|{NAME}){PORT}):[^:@]+:[^@]+")


def no_scheme(value: str, schemes: Sequence[str]) -> str:
    """`schemes`: those to write it with."""
    address = _address(value)
    ways = _(" or ").join(f"{scheme}://{address or 'host:port'}" for scheme in schemes)
    return _("has no scheme; write it as %(ways)s") % {"ways": ways}


def _address(value: str) -> str | None:
    """With its user masked; None where it cannot be told what it is."""
    if behind := WITH_USER_BEHIND.fullmatch(value):
        return f"user:***@{behind[1]}"
    user, at, host = value.removeprefix("//").rpartition("@")
    if not ADDRESS.fullmatch(host):
        return None
    return f"{'user:***' if user else ''}{at}{host}"
