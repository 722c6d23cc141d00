"""A service account of Google's in the place of a key: what of its JSON file is kept, in one form.

Only what a token is minted with stays, so that nothing else of a file can steer who is asked for
one. What else Google calls credentials (`external_account` runs programs) is refused.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from proxyapp.vocabulary.addresses import is_loopback
from proxyapp.vocabulary.checks import MAX_NAME_LENGTH
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.target_places import DEFAULT_LOCATION
from proxyapp.vocabulary.urls import is_host_of_google

# A file has 2.4 KB.
MAX_ACCOUNT_LENGTH = 16 * 1024
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 (no secret)
KEPT = ("client_email", "private_key", "private_key_id", "project_id", "token_uri")
_REQUIRED = ("client_email", "private_key", "project_id")
_PLAIN = re.compile(r"[A-Za-z0-9._%+:@/~-]{1,300}")
_LOCATION = re.compile(r"[a-z][a-z0-9-]{0,40}")


class BadAccount(ValueError):
    """Says what is wrong and what to do, and nothing of what was given."""


def is_account(secret: str) -> bool:
    """No API key begins so."""
    return secret.startswith("{")


def account_of(secret: str) -> dict[str, str]:
    """Of a stored one."""
    account: dict[str, str] = json.loads(secret)
    return account


def stored_account(given: object, location: str = "") -> str:
    """`given`: the file's JSON, as text or read. Raises BadAccount."""
    fields = _fields(given)
    kept = {name: fields[name] for name in KEPT if name in fields}
    kept.setdefault("token_uri", TOKEN_URI)
    if problem := check_token_uri(kept["token_uri"]):
        raise BadAccount(_("names a token_uri that %(problem)s") % {"problem": problem})
    kept["location"] = location or str(fields.get("location") or DEFAULT_LOCATION)
    if problem := check_location(kept["location"]):
        raise BadAccount(_("has a location that %(problem)s") % {"problem": problem})
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def check_location(value: str) -> str | None:
    return None if _LOCATION.fullmatch(value) else _("is none; write us-central1, for example")


def check_token_uri(value: str) -> str | None:
    """Signed assertions go to Google alone, or to this machine."""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        parts.port  # noqa: B018
    except ValueError:
        return _("is no URL; Google's is %(url)s") % {"url": TOKEN_URI}
    is_own = host == "localhost" or is_loopback(host)
    is_allowed = parts.scheme in ("http", "https") if is_own else parts.scheme == "https"
    if not is_allowed or not (is_own or is_host_of_google(host)) or "@" in parts.netloc:
        return _("does not lead to Google; its own is %(url)s") % {"url": TOKEN_URI}
    return None


def default_name(secret: str) -> str:
    """`robot@my-project`: what tells it from others."""
    address = account_of(secret)["client_email"]
    return address.removesuffix(".iam.gserviceaccount.com")[:MAX_NAME_LENGTH]


def _fields(given: object) -> Mapping[str, Any]:
    if isinstance(given, str):
        given = _parsed(given)
    if not isinstance(given, dict):
        raise BadAccount(_("is no JSON object; give the file that Google made for the account"))
    if given.get("type") not in ("service_account", None):
        raise BadAccount(_("is of another type than service_account; give the file of an account"))
    for name in _REQUIRED:
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise BadAccount(
                _("has no %(name)s; give the whole file that Google made for the account")
                % {"name": name}
            )
    for name in ({*KEPT} - {"private_key"}) & given.keys():
        if not isinstance(given[name], str) or not _PLAIN.fullmatch(given[name]):
            raise BadAccount(_("has a %(name)s with characters that none has") % {"name": name})
    _check_private_key(given["private_key"])
    return given


def _parsed(text: str) -> object:
    if len(text) > MAX_ACCOUNT_LENGTH:
        raise BadAccount(
            _("has more than %(size)s KB; a file has about 2 KB")
            % {"size": MAX_ACCOUNT_LENGTH // 1024}
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadAccount(_("is no JSON; give the file that Google made for the account")) from None


def _check_private_key(pem: str) -> None:
    # Few have accounts: the others do without what reads their keys.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadAccount(
            _("has a private_key that cannot be read; give the file as it was")
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise BadAccount(_("has a private_key of a kind that Google does not make"))
