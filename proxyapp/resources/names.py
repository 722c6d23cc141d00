"""Which resource a path or a text names, and what a request to a path makes or lists.

An ID has the letters that Google and OpenAI give it. Whatever else stands in its place (dots that
lead up, an encoded slash, a line end) names nothing, and its path goes as any other.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from proxyapp.resources.kinds import KINDS, MAKING_METHODS, MODEL_OPERATIONS, Area, ResourceKind
from proxyapp.vocabulary.client_paths import OF_OPENAI, VERSION
from proxyapp.vocabulary.remembered import remembered

LONGEST_NAME = 255
_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9_-][A-Za-z0-9_.=~-]{0,199}")
_VERSION = re.compile(VERSION.decode())
_BEFORE_VERSION = ("upload", "download")
_AGENTS = frozenset(("interactions", "agents", "environments", "triggers", "voices", "credentials"))
_OF_VIDEOS = frozenset(("predict", "predictLongRunning", "fetchPredictOperation"))
_OF_MODELS = frozenset(
    (
        *("generateContent", "streamGenerateContent", "countTokens"),
        *("embedContent", "batchEmbedContents"),
    )
)
_OF_CHATS = frozenset(
    (*(name.decode() for name in OF_OPENAI), "responses", "messages", "deployments")
)
_OF_JOBS = frozenset(("batches", "files", "fine_tuning", "videos"))
# A file's URI, as Google's answers have it, and those of a mirror on this machine.
_HOSTS = re.compile(
    r"(?:[\w-]+\.)*[\w-]*generativelanguage[\w-]*\.googleapis\.com|localhost|127\.0\.0\.1|::1",
    re.IGNORECASE,
)


class ResourcePath(NamedTuple):
    """`name`: the resource. `kind`: its kind, or that of the collection. `makes`: what a POST there
    makes. `area`: what the fields of a body sent there mean. `is_collection`: all of the kind.
    `is_whole`: the resource itself, not what stands below it or is done with it.
    """

    kind: ResourceKind | None = None
    name: str | None = None
    makes: ResourceKind | None = None
    area: Area = Area.OTHER
    is_upload: bool = False
    is_collection: bool = False
    is_operation: bool = False
    is_whole: bool = False


def named_in_path(path: bytes) -> str | None:
    """`path`: in Gemini's form, raw."""
    return resource_path(path).name


@remembered
def resource_path(path: bytes) -> ResourcePath:
    """`path`: in Gemini's form, raw."""
    parts = [unquote(part.decode("latin-1")) for part in path.split(b"/") if part]
    front = parts.pop(0) if parts and parts[0] in _BEFORE_VERSION else ""
    if parts and _VERSION.fullmatch(parts[0]):
        parts.pop(0)
    if parts and parts[0] == "openai":
        return _in_openais(parts[1:])
    if parts[:1] == ["projects"] and parts[2:3] == ["locations"]:
        del parts[:4]
    if parts[:1] == ["publishers"]:
        del parts[:2]
    if not parts:
        return ResourcePath()
    return _in_googles(parts, is_upload=front == "upload")


@remembered
def is_of_requests(path: bytes) -> bool:
    """Whether a body sent there holds requests: Google's `/batch`."""
    plain = unquote(path.decode("latin-1")).rstrip("/")
    return plain.endswith("/batch") or plain.lstrip("/").startswith("batch/")


def name_of(text: str, kind: ResourceKind | None = None, *, is_id: bool = False) -> str | None:
    """The resource that a field's text names: by its name, its URI, or its ID alone (`is_id`).

    None: nothing that belongs to a key. That is so for the URIs of other hosts.
    """
    if len(text) > 8 * LONGEST_NAME:
        return None
    if "://" in text:
        return _name_of_uri(text)
    if "/" in text:
        return _name_of_parts(text.split("/"))
    if not is_id or kind is None or not text.startswith(kind.id_start):
        return None
    return _named(kind, text)


def kind_of(name: str) -> ResourceKind:
    """`name`: as the functions here give it."""
    if name.startswith("models/"):
        return MODEL_OPERATIONS
    return KINDS[name.rpartition("/")[0]]


def _name_of_uri(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not _HOSTS.fullmatch(host):
        return None
    version = parts.path.lstrip("/").partition("/")[0]
    if version not in _BEFORE_VERSION and not _VERSION.fullmatch(version):
        return None
    return named_in_path(parts.path.encode("utf-8", "replace"))


def _name_of_parts(parts: list[str]) -> str | None:
    """Also of one with what lies below it, and as Vertex AI writes it."""
    if parts[0] == "projects" and parts[2:3] == ["locations"]:
        parts = parts[4:]
    if parts[:1] == ["publishers"]:
        parts = parts[2:]
    if len(parts) < 2:
        return None
    if parts[0] == "models":
        return _of_model(parts)
    kind = KINDS.get(parts[0])
    return _named(kind, parts[1]) if kind is not None else None


def _named(kind: ResourceKind, text: str) -> str | None:
    return f"{kind.name}/{text}" if _ID.fullmatch(text) and text not in kind.words else None


def _of_model(parts: list[str]) -> str | None:
    if len(parts) < 4 or parts[2] != "operations":
        return None
    name = f"models/{parts[1]}/operations/{parts[3]}"
    is_one = _ID.fullmatch(parts[1]) and _ID.fullmatch(parts[3]) and len(name) <= LONGEST_NAME
    return name if is_one else None


def _in_googles(parts: list[str], *, is_upload: bool) -> ResourcePath:
    parts[-1], _, method = parts[-1].partition(":")
    head = parts[0]
    is_model = head == "models"
    kind = KINDS.get(head)
    if is_model and parts[2:3] == ["operations"]:
        kind = MODEL_OPERATIONS
    depth = 4 if is_model else 2
    name = _name_of_parts(parts) if kind is not None else None
    is_collection = kind is not None and len(parts) == depth - 1 and not method
    makes = MAKING_METHODS.get(method)
    is_below = kind is not None and len(parts) == 3 and parts[2] in kind.below
    if makes is None and (is_collection or is_upload or is_below):
        makes = kind
    return ResourcePath(
        kind=kind,
        name=name,
        makes=makes,
        area=Area.NONE if is_upload else _area(head, method, parts),
        is_upload=is_upload,
        is_collection=is_collection,
        is_operation="operations" in parts[2:3],
        is_whole=name is not None and len(parts) == depth and not method,
    )


def _area(head: str, method: str, parts: list[str]) -> Area:
    if head in _AGENTS:
        return Area.AGENTS
    if head in _OF_CHATS:
        return Area.CHATS
    if method in _OF_VIDEOS:
        return Area.VIDEOS
    if head == "batches" or method in MAKING_METHODS:
        return Area.BATCHES
    if method in _OF_MODELS:
        return Area.SPEECH if "tts" in "/".join(parts[1:]) else Area.MODELS
    return Area.OTHER


def _in_openais(parts: list[str]) -> ResourcePath:
    kind = KINDS.get(f"openai/{parts[0]}") if parts else None
    area = Area.JOBS if parts and parts[0] in _OF_JOBS else Area.CHATS
    if parts == ["files"]:
        area = Area.NONE
    if kind is None or len(parts) == 1:
        return ResourcePath(kind, makes=kind, area=area, is_collection=kind is not None)
    if parts[1] in kind.words:
        return ResourcePath(kind, makes=kind if len(parts) == 2 else None, area=area)
    is_googles = parts[1] in KINDS and len(parts) > 2
    name = _name_of_parts(parts[1:]) if is_googles else name_of(parts[1], kind, is_id=True)
    is_whole = name is not None and len(parts) == 2 + is_googles
    makes = kind if parts[-1] in kind.below else None
    return ResourcePath(kind, name, makes, area, is_whole=is_whole)
