"""Which requests ask a model for an answer, so that an empty or failed 200 is none.

All others (lists, files, operations that failed, deletions) may be answered with nothing, or with
an object that has an `error`, and are relayed as they come.
"""

import re
from urllib.parse import unquote_to_bytes

# The end of a path, without its query. Long-running calls are not here: they answer with a name.
CALLS = re.compile(
    rb":(?:generateContent|streamGenerateContent|embedContent|batchEmbedContents|generateAnswer)$"
    rb"|/(?:chat/completions|completions|embeddings|responses|messages|images/generations)$"
    rb"|/interactions$"
)


def is_generating(method: str, path: bytes) -> bool:
    """`path`: without the query, as the client wrote it."""
    return method == "POST" and is_call(path)


def is_call(path: bytes) -> bool:
    """Whether the path is one that asks a model when something is posted to it."""
    plain = unquote_to_bytes(path) if b"%" in path else path
    return CALLS.search(plain.rstrip(b"/")) is not None
