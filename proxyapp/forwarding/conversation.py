"""Which conversation a request goes on with, as a number: where groups are sticky, the number says
which project answers.
"""

import hashlib

from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.provider.prompt_start import LONGEST_ID, named_id, prompt_names, prompt_start
from proxyapp.upstream.headers import SESSION_HEADER
from proxyapp.vocabulary.choices import Sticky


def conversation_of(request: RequestPlan, sticky: str) -> int | None:
    """None: it does not say, or nothing is sticky. No two clients have one by the same words."""
    if not sticky or not request.is_generating:
        return None
    session = _named(request)
    if session:
        return _number(request, b"session", session)
    names = prompt_names(request.path) if sticky == Sticky.PREFIX else None
    if names is None:
        return None
    text = request.body.searchable()
    start = prompt_start(text, names, is_whole=len(text) == request.body.length)
    return _number(request, b"prefix", b"\0".join(start)) if start else None


def _named(request: RequestPlan) -> bytes:
    """By the client, in its header or as OpenAI's clients do."""
    for name, value in request.headers:
        if name == SESSION_HEADER and value:
            return value[:LONGEST_ID]
    names = prompt_names(request.path)
    if names is None or not names.ids:
        return b""
    return named_id(request.body.searchable(), names)


def _number(request: RequestPlan, kind: bytes, words: bytes) -> int:
    whose = b"%s %d " % (kind, request.client.id)
    return int.from_bytes(hashlib.blake2b(whose + words, digest_size=8).digest(), "big")
