"""What a provider takes for a credential, and where it looks for one."""

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.auth_places import IN_HEADER, IN_QUERY
from proxyapp.vocabulary.choices import Auth

# The whole message: part of one may be what a client sent.
TWO_REFUSED: Final = re.compile(
    r"Multiple authentication credentials received\.?(?:\s+Please pass only one\.?)?"
)
# Of a Bearer token: who says so has looked elsewhere, or nowhere.
OTHER_PLACE: Final = re.compile(rb"x-api-key|api-key header|subscription key", re.IGNORECASE)
# From the start on, and without what is encoded: elsewhere it is a name that a client chose.
OPENAI_PATH: Final = re.compile(rb"/(?:v\d[\w.-]*/)?openai/")
OPENAI_SEGMENT: Final = b"openai"
# Where Google looks, or where more than one API does. Every other way says one place for all paths.
OF_MANY: Final = frozenset((Auth.AUTO, Auth.BOTH, Auth.GOOGLE, Auth.BEARER, Auth.X_GOOG_API_KEY))


# What they are called: an enum is asked for its members by a function of Python's.
_BOTH: Final[str] = Auth.BOTH.value
_GOOGLE: Final[str] = Auth.GOOGLE.value


def without_key(query: bytes) -> bytes | None:
    """The raw query without `key` parameters; every other byte stays.

    None when nothing else was in it.
    """
    if b"k" not in query and b"%" not in query:
        return query
    kept = [part for part in query.split(b"&") if not is_key_parameter(part)]
    return b"&".join(kept) if kept else None


def is_key_parameter(part: bytes) -> bool:
    name = part.partition(b"=")[0]
    return name == b"key" or (b"%" in name and unquote_to_bytes(name) == b"key")


def is_of_openai_api(path: bytes) -> bool:
    """Whether the key is looked for as a Bearer token: as OpenAI does, not as Google's own paths.

    `path`: the client's, raw, behind the prefix of the group's target.
    """
    return OPENAI_PATH.match(path) is not None


def is_openai_prefix(prefix: bytes) -> bool:
    """The same by the prefix, whatever path follows."""
    return OPENAI_SEGMENT in prefix.split(b"/")


def is_alone_in_place(auth: str, *, is_openai: bool) -> bool:
    """Whether a key that is sent so is the only credential, and where Google looks for one, or
    where nobody but the target's own API does.
    """
    if auth not in OF_MANY:
        return True
    return auth in (Auth.GOOGLE, Auth.BEARER if is_openai else Auth.X_GOOG_API_KEY)


def speaks_gemini(auth: str, *, is_of_google: bool) -> bool:
    """Whether a target's API is Gemini's, as its host or the credential that it gets tells."""
    return is_of_google or auth in (Auth.GOOGLE, Auth.X_GOOG_API_KEY)


def refuses_two(message: str) -> bool:
    """Whether a refusal says that one credential would have been right."""
    return TWO_REFUSED.fullmatch(message.strip()) is not None


def looks_elsewhere(body: bytes) -> bool:
    """Whether a refusal of a Bearer token speaks of another place for the key."""
    return OTHER_PLACE.search(body) is not None


def credentials(auth: str, secret: bytes, *, is_openai: bool) -> list[Header]:
    """The credential headers for a key. `auth` is never `auto`: `pool` has resolved it.

    None for a key that goes into the query: `with_key` puts it there.
    """
    bearer = (b"authorization", b"Bearer " + secret)
    goog = (b"x-goog-api-key", secret)
    if auth == _BOTH:
        return [bearer, goog]
    if auth == _GOOGLE:
        return [bearer if is_openai else goog]
    if auth == Auth.BEARER:
        return [bearer]
    if auth == Auth.X_GOOG_API_KEY:
        return [goog]
    if auth.startswith(IN_QUERY):
        return []
    return [(auth.removeprefix(IN_HEADER).lower().encode(), secret)]


def with_key(target: bytes, auth: str, secret: str) -> bytes:
    """The raw target with the key in its query, instead of what the client had there."""
    name = auth.removeprefix(IN_QUERY).encode()
    path, _, query = target.partition(b"?")
    parts = query.split(b"&") if query else []
    kept = [left for part in parts if (left := _without_named(part, name.lower()))]
    kept.append(name + b"=" + quote(secret, safe="").encode())
    return path + b"?" + b"&".join(kept)


def _without_named(part: bytes, name: bytes) -> bytes:
    """To some programs a semicolon parts parameters, too."""
    if b";" not in part:
        return b"" if _is_named(part, name) else part
    return b";".join(each for each in part.split(b";") if not _is_named(each, name))


def _is_named(part: bytes, name: bytes) -> bool:
    """To some programs the case of a parameter's name makes no difference, nor the space around it
    or brackets behind it.
    """
    written = unquote_to_bytes(part.partition(b"=")[0].replace(b"+", b" "))
    return written.partition(b"[")[0].strip(b" \t\0").lower() == name
