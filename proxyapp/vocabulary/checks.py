"""What a value may be, the same for the config file and the admin.

Each check returns what is wrong and what is allowed, or None. The texts never repeat a value: it
may hold a key or a password.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from proxyapp.vocabulary.forbidden_addresses import problem_of
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.missing_scheme import no_scheme
from proxyapp.vocabulary.no_keys import is_placeholder, why_no_key
from proxyapp.vocabulary.target_places import LOCATION, filled, has_places
from proxyapp.vocabulary.urls import is_host_of_google

# The columns' lengths.
MAX_NAME_LENGTH = 100
MAX_TARGET_LENGTH = 500
# The columns are encrypted and have no length of their own: these keep out files pasted by mistake.
MAX_PROXY_LENGTH = 2000
MAX_KEY_LENGTH = 4096

TARGET_SCHEMES = ("http", "https")
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
# For an address that comes without one.
USUAL_TARGET_SCHEMES = ("https",)
USUAL_PROXY_SCHEMES = ("http", "socks5")
OTHER_SOCKS = ("socks", "socks4", "socks4a")

DIRECTION_MARKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-]))*\.?")
URL_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,15}")


def check_group_name(value: str) -> str | None:
    if not value.strip():
        return _("must not be empty")
    return check_label(value)


def check_label(value: str) -> str | None:
    """For names and projects of keys, which may be empty."""
    if len(value) > MAX_NAME_LENGTH:
        return _("has %(count)s characters; %(most)s are allowed") % {
            "count": len(value),
            "most": MAX_NAME_LENGTH,
        }
    if _has_control_characters(value):
        return _("has control characters; use printable ones")
    return None


def check_key(value: str) -> str | None:
    """White space around a key does not count: it is cut when the key is stored."""
    key = value.strip()
    if not key:
        return _("must not be blank")
    if problem := why_no_key(key):
        return _(problem)
    if re.search(r"\s", key) or _has_control_characters(key):
        return _("has white space or control characters inside; a key must fit in a header")
    if not key.isascii():
        return _("has characters outside ASCII; a key must fit in a header")
    if len(key) > MAX_KEY_LENGTH:
        return _("has %(count)s characters; %(most)s are allowed") % {
            "count": len(key),
            "most": MAX_KEY_LENGTH,
        }
    return None


def check_key_or_placeholder(value: str) -> str | None:
    """For a file of examples, in which what only stands for a key is no mistake."""
    return None if is_placeholder(value) else check_key(value)


def check_target_url(value: str) -> str | None:
    """As each key fills it."""
    if len(value) > MAX_TARGET_LENGTH:
        return _("has %(count)s characters; %(most)s are allowed") % {
            "count": len(value),
            "most": MAX_TARGET_LENGTH,
        }
    named, value = value, filled(value, "project", "location")
    problem = _check_url(value, schemes=TARGET_SCHEMES, max_length=2 * MAX_TARGET_LENGTH)
    if problem:
        return problem
    parts = urlsplit(value)
    if has_places(urlsplit(named).netloc) and not is_host_of_google(parts.hostname or ""):
        return _(
            "names a place in its host, where only %(place)s of *.googleapis.com may stand"
        ) % {"place": LOCATION}
    if "@" in parts.netloc:
        return _("has a user or password; only scheme, host, port and path are allowed")
    if not URL_PATH.fullmatch(parts.path):
        return _("has characters in its path that have to be percent-encoded")
    return None


def check_proxy_url(value: str) -> str | None:
    problem = _check_url(value, schemes=PROXY_SCHEMES, max_length=MAX_PROXY_LENGTH)
    if problem:
        return problem
    parts = urlsplit(value)
    if parts.path not in {"", "/"}:
        return _(
            "has a path; only scheme, user, password, host and port are allowed (write a / in a"
            " password as %2F)"
        )
    if parts.username == "***":
        return _("is a masked address; give the user and password")
    return None


def targets(allow_link_local: bool) -> Callable[[str], str | None]:
    """The check of target URLs for a group that may, or may not, reach link-local addresses."""
    return lambda value: (
        check_target_url(value) or _check_reach(value, allow_link_local=allow_link_local)
    )


def proxies(allow_link_local: bool) -> Callable[[str], str | None]:
    return lambda value: (
        check_proxy_url(value) or _check_reach(value, allow_link_local=allow_link_local)
    )


def _check_reach(url: str, *, allow_link_local: bool) -> str | None:
    problem = problem_of(urlsplit(url).hostname or "", is_link_local_allowed=allow_link_local)
    return problem and _(problem)


def check_host(value: str) -> str | None:
    """For an address to listen on: a name, IPv4 or IPv6, without a port."""
    if _is_host(value.removeprefix("[").removesuffix("]")):
        return None
    return _("is not a host name or address such as 127.0.0.1")


def check_port(value: int) -> str | None:
    return (
        None
        if 1 <= value <= 65535
        else _("%(value)s is not a port; use 1 to 65535") % {"value": value}
    )


def _check_url(value: str, *, schemes: Sequence[str], max_length: int) -> str | None:
    problem = _check_characters(value, max_length)
    if problem:
        return problem
    scheme, separator, __ = value.partition("://")
    if not separator:
        is_proxy = schemes is PROXY_SCHEMES
        return no_scheme(value, USUAL_PROXY_SCHEMES if is_proxy else USUAL_TARGET_SCHEMES)
    if scheme.lower() not in schemes:
        return _wrong_scheme(scheme.lower(), schemes)
    if "?" in value or "#" in value:
        return _(
            "has a '?' or '#'; a query or fragment is not allowed (write them in a password as %3F"
            " and %23)"
        )
    try:
        return _check_authority(urlsplit(value))
    except ValueError:
        return _(
            "has a host or port that cannot be read; use a host name or address and a port from 1"
            " to 65535"
        )


def _check_characters(value: str, max_length: int) -> str | None:
    if not value:
        return _("must not be empty")
    if len(value) > max_length:
        return _("has %(count)s characters; %(most)s are allowed") % {
            "count": len(value),
            "most": max_length,
        }
    if re.search(r"\s", value) or _has_control_characters(value):
        return _("has white space or control characters; write them percent-encoded")
    if not value.isascii():
        return _(
            "has characters outside ASCII; percent-encode them, or write the host in its xn-- form"
        )
    return None


def _check_authority(parts: SplitResult) -> str | None:
    """Raises ValueError for what urlsplit itself cannot read."""
    if not parts.hostname:
        return _("has no host")
    if not _is_host(parts.hostname):
        return _("has a bad host; use a host name, an IPv4 address or an IPv6 address in brackets")
    if parts.port == 0 or parts.netloc.endswith(":"):
        return _("has a bad port; use 1 to 65535")
    return None


def _is_host(host: str) -> bool:
    if ":" not in host:
        return len(host) <= 253 and HOST_NAME.fullmatch(host) is not None
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def _wrong_scheme(scheme: str, schemes: Sequence[str]) -> str:
    if scheme in OTHER_SOCKS and "socks5" in schemes:
        text = _(
            "scheme '%(scheme)s' is not supported; use %(others)s or %(last)s (socks5:// where the"
            " proxy speaks SOCKS 5, as most do)"
        )
    elif SCHEME.fullmatch(scheme):
        text = _("scheme '%(scheme)s' is not supported; use %(others)s or %(last)s")
    else:
        text = _("this scheme is not supported; use %(others)s or %(last)s")
    return text % {"scheme": scheme, "others": ", ".join(schemes[:-1]), "last": schemes[-1]}


def _has_control_characters(value: str) -> bool:
    """Also marks that turn the direction of the text around them, in the audit log as well."""
    return any(
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in DIRECTION_MARKS
        for character in value
    )
