"""Where a group's key goes: one of `Auth`, or `header:NAME` and `query:NAME`, which name a place.

The name is an operator's, and has to leave room for what the gateway itself sends.
"""

import re

from proxyapp.vocabulary.choices import Auth, choice_values
from proxyapp.vocabulary.in_words import gettext as _

IN_HEADER = "header:"
IN_QUERY = "query:"
# The column's length.
MAX_AUTH_LENGTH = 80
# RFC 9110, section 7.6.1.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
FORMS = ", ".join([*choice_values(Auth), f"{IN_HEADER}NAME", f"{IN_QUERY}NAME"])
_LONGEST_NAME = 64
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_QUERY_NAME = re.compile(r"[A-Za-z0-9._~$-]+")
# What has a meaning of its own in each request, to HTTP, to the gateway or to what stands between.
_TAKEN = re.compile(
    r"(?:host|expect|date|via|range|origin|referer|cookie2?|set-cookie|user-agent|http2-settings"
    r"|accept(?:-.*)?|content(?:-.*)?|if-.*|forwarded|x-forwarded-.*|x-gateway-.*|sec-.*"
    r"|cache-control|pragma|max-forwards|priority|early-data|trace(?:parent|state)|baggage"
    r"|x-real-ip|(?:x-|true-|cf-)?(?:client|connecting|cluster-client)-ip|upgrade-.*"
    r"|x-(?:http-method|method|original|rewrite|accel|envoy)-.*|x-goog-(?:upload-.*|user-project)"
    r"|anthropic-(?:version|beta)|openai-(?:organization|project|beta))"
)
_TAKEN_PARAMETERS = frozenset(
    ("$alt", "alt", "api-version", "model", "pagesize", "pagetoken", "upload_id", "uploadtype")
)


def check_auth(value: str) -> str | None:
    if value in choice_values(Auth):
        return None
    if value.startswith(IN_HEADER):
        return _check_header_name(value.removeprefix(IN_HEADER))
    if value.startswith(IN_QUERY):
        return _check_parameter(value.removeprefix(IN_QUERY))
    return _("must be one of %(known)s") % {"known": FORMS}


def _check_header_name(name: str) -> str | None:
    plain = name.lower().replace("_", "-")
    if plain.encode() in HOP_BY_HOP or _TAKEN.fullmatch(plain):
        return _(
            "names a header that HTTP or the gateway itself uses; name the one that takes a key"
        )
    return _check_name(name, _HEADER_NAME, "header:x-my-key")


def _check_parameter(name: str) -> str | None:
    if name.lower() in _TAKEN_PARAMETERS:
        return _("names a parameter that requests have; name the one that takes a key")
    return _check_name(name, _QUERY_NAME, "query:api_key")


def _check_name(name: str, allowed: re.Pattern[str], example: str) -> str | None:
    if not name:
        return _("has no name behind its colon; write %(example)s, for example") % {
            "example": example
        }
    if len(name) > _LONGEST_NAME:
        return _("has a name of %(count)s characters; %(most)s are allowed") % {
            "count": len(name),
            "most": _LONGEST_NAME,
        }
    if allowed.fullmatch(name) is None:
        return _("has characters that such a name cannot have; write %(example)s, for example") % {
            "example": example
        }
    return None
