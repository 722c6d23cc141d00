"""The path that the gateway is deployed below: `/gemini` of `https://example.com/gemini/…`."""

import re

from proxyapp.vocabulary.asgi import Scope
from proxyapp.vocabulary.in_words import gettext as _

MOST_CHARACTERS = 200
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
# Cut off, others of the gateway's or of an API's own paths would take their place.
_OWN = frozenset(["admin", "static", "ws", "g", "healthz", "readyz", "metrics"])
_OF_APIS = frozenset(["/v1", "/v1beta", "/v1alpha", "/openai", "/api", "/models", "/upload"])


def check_path_prefix(text: str) -> str | None:
    """Of what is wrong the first; None when nothing is."""
    if not text.startswith("/"):
        return _("must begin with a slash, such as /gemini")
    if text.endswith("/"):
        return _("must not end with a slash: /gemini; leave it out for none")
    segments = text.split("/")[1:]
    if not _PREFIX.fullmatch(text) or {".", ".."} & set(segments) or len(text) > MOST_CHARACTERS:
        return _(
            "must be a plain path such as /gemini: letters, digits and ._~-, no empty or dot"
            " segments, no query, nothing encoded, %(most)s characters at most"
        ) % {"most": MOST_CHARACTERS}
    if segments[0] in _OWN or "admin" in segments or text in _OF_APIS:
        return _("must not be %(text)s, where the gateway or an API has paths of its own") % {
            "text": f"{text!r}"
        }
    return None


class PathPrefix:
    """Cuts it off where a request has it. One in front may have cut it off already."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._raw = prefix.encode()
        self._below = self._raw + b"/"

    def cut(self, scope: Scope) -> Scope:
        raw = scope.setdefault("raw_path", scope["path"].encode())
        if not raw.startswith(self._below) and raw != self._raw:
            return scope
        return scope | {
            "raw_path": raw[len(self._raw) :] or b"/",
            "path": scope["path"][len(self._prefix) :] or "/",
        }

    def whole(self, scope: Scope) -> Scope:
        """As ASGI tells it to whoever makes links: the whole path, and which part of it is ours."""
        return scope | {"path": self._prefix + scope["path"], "root_path": self._prefix}
