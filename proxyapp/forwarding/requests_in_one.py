"""Several requests in one body (`/batch`), from a client that is not to see all.

Nobody looks through the answers, which may list what is another's: no request in it may be about
anything but models.
"""

import re
from collections.abc import Generator
from mmap import mmap

from proxyapp.forwarding.long_bodies import soon
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.snapshot import Snapshot
from proxyapp.resources.kinds import KINDS
from proxyapp.resources.references import STEP_BYTES
from proxyapp.resources.tenants import sees_all_of
from proxyapp.vocabulary.decoding import wholly_decoded
from proxyapp.vocabulary.errors import NotAllowed

# What is cut at the end of a step stands whole in the next one.
OVERLAP_BYTES = 256
_COLLECTIONS = b"|".join(sorted({kind.rpartition("/")[2].encode() for kind in KINDS}))
# A collection in a path, a service of gRPC's, or what may hide either.
_NAMED = re.compile(
    rb"/(?:%b)(?![a-z])|(?<![a-z])(?:%b)/|google\.[\w.]+/"
    rb"|\\u00[2-7]|content-transfer-encoding:[ \t]*(?:base64|quoted)"
    % (_COLLECTIONS, _COLLECTIONS),
    re.IGNORECASE,
)


async def refuse_requests_in_one(snapshot: Snapshot, request: RequestPlan) -> None:
    """Raises NotAllowed."""
    if sees_all_of(request.client, snapshot.groups_of(request.whole_ring)):
        return
    if await soon(_looking(request.body.whole())):
        raise NotAllowed(
            "A client token may ask for nothing but models in several requests at once (/batch):"
            " ask for files and the like by themselves."
        )


def _looking(body: bytes | mmap) -> Generator[None, None, bool]:
    """Whether anything but a model may be meant in it, in steps."""
    for start in range(0, len(body), STEP_BYTES):
        plain = wholly_decoded(body[start : start + STEP_BYTES + OVERLAP_BYTES])
        if plain is None or _NAMED.search(plain) is not None:
            return True
        yield
    return False
