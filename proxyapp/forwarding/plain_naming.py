"""What a client that is not to see all may send: what names resources in such a way that nobody
can read it otherwise.

Google reads more than JSON: quotes of one stroke, names without quotes, letters behind a backslash,
packed bodies, forms and protocol buffers. What is named so would be looked for with any key.
"""

import json
import re
from collections.abc import Generator
from mmap import mmap

from proxyapp.access.token_book import ANYONE
from proxyapp.forwarding.long_bodies import read_whole, soon
from proxyapp.forwarding.request_body import SHORT_BYTES
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.snapshot import Snapshot
from proxyapp.resources.kinds import KINDS, Area
from proxyapp.resources.names import named_in_path, resource_path
from proxyapp.resources.references import STEP_BYTES, references_in_query
from proxyapp.resources.tenants import sees_all_of
from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.decoding import wholly_decoded
from proxyapp.vocabulary.errors import BadRequest

# Most bodies name nothing: they are not parsed. A name has a kind and a slash, as it is or escaped.
_STARTS = tuple(f"{kind}/".encode() for kind in KINDS if not kind.startswith("openai/"))
_ESCAPED = re.compile(rb'\\(?:[^"\\bfnrtu]|u00[2-7])')
_LONGEST_START = max(map(len, _STARTS))
# Fields of these take an ID without its kind.
_OF_IDS = Area.AGENTS
_GRPC = re.compile(rb"/+(?:\$rpc/+)?google\.[\w.]+/")
_NOT_JSON = (b"protobuf", b"grpc")
REMEDY = "or ask the operator for a token with shared_resources."


async def refuse_ambiguous(snapshot: Snapshot, request: RequestPlan) -> None:
    """Raises BadRequest."""
    if request.client is ANYONE:
        return
    path, has_body = request.path, bool(request.body.length)
    is_odd = b"%" in path or b"google." in path
    if not (is_odd or has_body):
        return
    if sees_all_of(request.client, snapshot.groups_of(request.whole_ring)):
        return
    if is_odd:
        _check_path(path)
    if has_body and resource_path(path).area is not Area.NONE:
        _check_form(request)
        if not await _is_strict(request):
            raise BadRequest(
                "The body names something and is not strict JSON, so that it could be read in two"
                f" ways: put names and texts in double quotes, {REMEDY}"
            )


def _check_path(path: bytes) -> None:
    plain = wholly_decoded(path)
    if plain is None or named_in_path(plain) != named_in_path(path) or _GRPC.match(plain):
        raise BadRequest(
            "The path can be read in two ways, and what it names may be another client's: write"
            f" it without %2F and the like, {REMEDY}"
        )


def _check_form(request: RequestPlan) -> None:
    if any(_said(request.headers, b"content-encoding") - {b"", b"identity"}):
        raise BadRequest(
            "The body of a client token is not read where it is packed: send it without"
            f" Content-Encoding, {REMEDY}"
        )
    types = _said(request.headers, b"content-type")
    if any(word in value for value in types for word in _NOT_JSON):
        raise BadRequest(f"The body of a client token has to be JSON, {REMEDY}")
    if any(b"x-www-form-urlencoded" in value for value in types):
        # Curl says so of any body. Of a form each field would be a parameter.
        fields = request.body.whole()[:] if _is_short(request) else b""
        named = references_in_query(fields, request.path)
        if not set(named) <= set(request.names):
            raise BadRequest(f"What a form names is not read: send it as JSON, {REMEDY}")


def _said(headers: list[Header], name: bytes) -> set[bytes]:
    return {value.strip().lower() for header, value in headers if header == name}


def _is_short(request: RequestPlan) -> bool:
    return (request.body.length or 0) <= SHORT_BYTES


async def _is_strict(request: RequestPlan) -> bool:
    """Or names nothing, however it is read."""
    body = request.body
    if any(b"multipart/" in value for value in _said(request.headers, b"content-type")):
        return True
    if resource_path(request.path).area is not _OF_IDS and not await soon(_looking(body.whole())):
        return True
    if not _is_short(request):
        body.said = body.said or await read_whole(body)
        return body.said.is_plain
    try:
        json.loads(body.whole()[:], strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _looking(body: bytes | mmap) -> Generator[None, None, bool]:
    """Whether a name may stand in it, in steps."""
    for start in range(0, len(body), STEP_BYTES):
        piece = body[start : start + STEP_BYTES + _LONGEST_START]
        if any(begin in piece for begin in _STARTS) or _ESCAPED.search(piece) is not None:
            return True
        yield
    return False
