"""The paths that clients ask for, and which path of Gemini's API each of them means.

People type the address that they know from another provider, and each client adds its own part to
it. This is the one table of what is rewritten for a target that speaks Gemini's API:

    /v1/chat/completions, /openai/v1/…, /openai/…, /api/v1/…, /…   /v1beta/openai/chat/completions
    /v1/models, /models, /v1/files, /files, /v1/batches, /batches  OpenAI's to who shows a Bearer
                                                                   token alone, else Google's
    /models/…, /cachedContents/…                                   /v1beta/models/…
    /v1beta/v1beta/…, /v1beta/v1/…, /v1/v1beta/…                   /v1beta/…
    /v1beta/upload/v1beta/…                                        /upload/v1beta/…
    //v1beta/…                                                     /v1beta/…

Every other path stays, byte for byte. A path that neither API has is a stray one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, unquote_to_bytes

from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.remembered import remembered

# As a pattern: v1, v1beta, v1p1beta1.
VERSION: bytes = rb"v\d+(?:p\d+)?(?:(?:alpha|beta)\d*)?"
OPENAI_BASE = b"/v1beta/openai/"
NATIVE_BASE = b"/v1beta/"
# What clients put in front: any number of versions, `openai`, and OpenRouter's `api/v1`.
_FRONT = re.compile(rb"/+(?:api/+(?=v1(?:/|$))|(?:openai|%b)(?:/+|$))*" % VERSION)
_SEGMENT = re.compile(rb"[^/]+")
# Before a method of Google's, also as some clients encode it. OpenAI's paths have none.
_COLON = re.compile(rb":|%3a", re.IGNORECASE)
_HEAD = re.compile(rb"[^/:]*")
_VERSION = re.compile(VERSION)
# Of OpenAI's API alone. Google answers what it does not have with its own 404.
OF_OPENAI = frozenset(
    b"assistants audio chat completions containers conversations edits embeddings evals fine_tuning"
    b" images moderations realtime rerank threads uploads vector_stores videos".split()
)
OF_BOTH = frozenset((b"batches", b"files", b"models"))
OF_GOOGLE = frozenset(
    b"agents auth_tokens cachedContents corpora credentials dynamic environments fileSearchStores"
    b" generatedFiles interactions operations triggers tunedModels voices webhooks".split()
)
# They stand before the version, or have none.
BEFORE_VERSION = frozenset((b"$discovery", b"batch", b"download", b"upload", b"ws"))


class Dialect(StrEnum):
    """Whose words a client speaks, and reads errors in."""

    GOOGLE = "google"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"


class Stray(StrEnum):
    """Why Gemini's API does not have a path."""

    BASE = "base"  # a base URL, to which a client adds
    MESSAGES = "messages"  # Anthropic's
    RESPONSES = "responses"  # OpenAI's, which Google's part of that API lacks
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ClientPath:
    """What a path means to Gemini's API: its native path, its OpenAI path, one of both by the
    credential, or neither (`stray`).
    """

    native: bytes | None
    openai: bytes | None
    dialect: Dialect
    stray: Stray | None = None

    def meant(self, headers: Iterable[Header], query: bytes | None) -> bytes | None:
        """None: a stray one."""
        return self.openai if self._is_openais(headers, query) else self.native

    def spoken(self, headers: Iterable[Header], query: bytes | None) -> Dialect:
        return Dialect.OPENAI if self._is_openais(headers, query) else self.dialect

    def _is_openais(self, headers: Iterable[Header], query: bytes | None) -> bool:
        if self.native is None or self.openai is None:
            return self.openai is not None
        return shows_bearer_alone(headers, query)


@remembered
def client_path(path: bytes) -> ClientPath:
    """`path`: raw, without the query and without a group's prefix."""
    front = _FRONT.match(path)
    if front is None:
        return ClientPath(None, None, Dialect.GOOGLE, Stray.UNKNOWN)
    rest = path[front.end() :]
    before: list[bytes] = _SEGMENT.findall(front[0])
    head = _head(rest)
    is_openai = b"openai" in before or b"api" in before
    if stray := _stray(head, before):
        dialect = Dialect.ANTHROPIC if stray is Stray.MESSAGES else Dialect.OPENAI
        return ClientPath(None, None, dialect if before or rest else Dialect.GOOGLE, stray)
    has_method = _COLON.search(rest) is not None
    if (head in OF_OPENAI or is_openai) and not has_method:
        return ClientPath(None, _openai(path, before, rest), Dialect.OPENAI)
    native = _native(path, before, rest, head)
    if native is None:
        dialect = Dialect.OPENAI if b"/openai/" in path else Dialect.GOOGLE
        return ClientPath(None, None, dialect, Stray.UNKNOWN)
    is_of_both = head in OF_BOTH and not has_method and set(before) <= {b"v1"}
    return ClientPath(native, OPENAI_BASE + rest if is_of_both else None, Dialect.GOOGLE)


def _stray(head: bytes, before: list[bytes]) -> Stray | None:
    if not head:
        return Stray.BASE
    if head == b"messages" and b"openai" not in before:
        return Stray.MESSAGES
    return Stray.RESPONSES if head == b"responses" else None


def _head(rest: bytes) -> bytes:
    found = _HEAD.match(rest)
    return found[0] if found else b""


def _openai(path: bytes, before: list[bytes], rest: bytes) -> bytes:
    """Google's own form stays as it is, whatever its version."""
    is_own = len(before) == 2 and before[1] == b"openai" and _VERSION.fullmatch(before[0])
    own = b"/" + b"/".join((*before, rest))
    return own if is_own and path.endswith(own) else OPENAI_BASE + rest


def _native(path: bytes, before: list[bytes], rest: bytes, head: bytes) -> bytes | None:
    versions = [each for each in before if each not in (b"openai", b"api")]
    if head in BEFORE_VERSION or head.startswith(b"google."):
        second = _SEGMENT.findall(rest)[1:2]
        is_doubled = not versions or (second and _VERSION.fullmatch(second[0]))
        return b"/" + rest if is_doubled else _from_one_slash(path)
    if not versions:
        if head in OF_GOOGLE or head in OF_BOTH:
            return NATIVE_BASE + rest
        return path if b"%" in path and _is_known(unquote_to_bytes(path)) else None
    if len(before) == 1:
        return _from_one_slash(path)
    is_beta = set(versions) <= {b"v1", b"v1beta"} and b"v1beta" in versions
    return b"/" + (b"v1beta" if is_beta else versions[-1]) + b"/" + rest


def _is_known(plain: bytes) -> bool:
    """What an upstream may decode is its own to answer."""
    front = _FRONT.match(plain)
    rest = plain[front.end() :] if front else plain
    has_front = front is not None and _SEGMENT.search(front[0]) is not None
    return has_front or _head(rest) in OF_OPENAI | OF_BOTH | OF_GOOGLE | BEFORE_VERSION


def _from_one_slash(path: bytes) -> bytes:
    return b"/" + path.lstrip(b"/") if path.startswith(b"//") else path


def shows_bearer_alone(headers: Iterable[Header], query: bytes | None) -> bool:
    """As OpenAI's clients do. Google's show their key elsewhere, some of them a token besides."""
    has_bearer = False
    for name, value in headers:
        if name == b"x-goog-api-key":
            return False
        if name == b"authorization":
            has_bearer = value[:7].lower() == b"bearer "
    return has_bearer and not (query and re.search(rb"(?:^|&)key=", query))


def group_and_path(path: bytes) -> tuple[str | None, bytes]:
    """`/g/<group>/rest` as the group's name and `/rest`; other paths belong to all groups."""
    if not path.startswith(b"/g/"):
        return None, path
    name, slash, rest = path[3:].partition(b"/")
    if not name:
        return None, path
    return unquote(name.decode("latin-1")), slash + rest or b"/"


def dialect_of(target: bytes, headers: Iterable[Header] = ()) -> Dialect:
    """In which an error is told. `target`: raw, as the client wrote it."""
    path, _, query = target.partition(b"?")
    return client_path(group_and_path(path)[1]).spoken(headers, query)
