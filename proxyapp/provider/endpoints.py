"""What kind of path a request asks for: one of few words, so that tables and metrics stay small."""

import re
from urllib.parse import unquote_to_bytes

from proxyapp.vocabulary.live_paths import is_live_path
from proxyapp.vocabulary.remembered import remembered

OTHER, LIVE = "other", "live"
METHODS = {
    b"generateContent": "generate",
    b"streamGenerateContent": "stream",
    b"generateAnswer": "generate",
    b"embedContent": "embed",
    b"batchEmbedContents": "embed",
    b"countTokens": "count_tokens",
    b"batchGenerateContent": "batches",
    b"asyncBatchEmbedContent": "batches",
    b"predict": "generate",
    b"predictLongRunning": "operations",
    b"fetchPredictOperation": "operations",
}
# What a path ends in, or what stands in it, whatever version is in front.
ENDS = {
    b"chat/completions": "chat",
    b"completions": "chat",
    b"responses": "responses",
    b"messages": "messages",
    b"messages/count_tokens": "count_tokens",
    b"embeddings": "embed",
    b"images/generations": "images",
    b"interactions": "interactions",
}
COLLECTIONS = {
    b"batches": "batches",
    b"cachedContents": "caches",
    b"fileSearchStores": "file_search",
    b"files": "files",
    b"interactions": "interactions",
    b"models": "models",
    b"operations": "operations",
    b"tunedModels": "models",
    b"videos": "videos",
}
WORDS = frozenset((*METHODS.values(), *ENDS.values(), *COLLECTIONS.values(), OTHER, LIVE))
_METHOD = re.compile(rb":(\w+)/*$")
_SEGMENT = re.compile(rb"[^/:]+")


@remembered
def endpoint_of(path: bytes) -> str:
    """`path`: as the client wrote it, behind the group's name, without the query."""
    plain = unquote_to_bytes(path) if b"%" in path else path
    method = _METHOD.search(plain)
    if method is not None and method[1] in METHODS:
        return METHODS[method[1]]
    if is_live_path(plain):
        return LIVE
    segments: list[bytes] = _SEGMENT.findall(plain)
    if method is not None and b"models" in segments:
        return OTHER
    for count in (2, 1):
        if found := ENDS.get(b"/".join(segments[-count:])):
            return found
    return next((COLLECTIONS[each] for each in segments if each in COLLECTIONS), OTHER)
