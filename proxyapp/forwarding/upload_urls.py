"""The URL that a provider gives for the parts of an upload, as clients are told it: the gateway's.

Google's leads straight to Google, past the gateway and past the key that began.
"""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from proxyapp.access.public_address import public_url
from proxyapp.access.token_store import secret_keys
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.provider.credentials import is_key_parameter
from proxyapp.resources import upload_sessions
from proxyapp.resources.known import KnownResource
from proxyapp.resources.upload_sessions import UploadSession
from proxyapp.upstream.transport import origin_of
from proxyapp.vocabulary.errors import UpstreamFailed
from proxyapp.vocabulary.upload_ids import MARK, PARAMETER
from proxyapp.vocabulary.urls import is_host_of_google

URL_HEADERS = frozenset((b"x-goog-upload-url", b"x-goog-upload-control-url"))
# Of the older protocol; elsewhere `Location` may be anything.
OLDER = b"uploadType=resumable"
WITH_LOCATION = URL_HEADERS | {b"location"}


async def lead_here(
    scope: Mapping[str, Any], path: bytes, request: RequestPlan, attempt: Attempt
) -> None:
    """In the answer to who begins an upload at `path`. Raises UpstreamFailed for a URL that leads
    elsewhere than to the group's target.
    """
    names = WITH_LOCATION if request.query and OLDER in request.query else URL_HEADERS
    try:
        for index, (name, value) in enumerate(attempt.headers):
            if name.lower() in names:
                target = target_of(value, attempt.key.group)
                session = _session(request, attempt, target)
                upload_id = upload_sessions.sealed(session, secret_keys()).encode()
                attempt.headers[index] = name, own_url(scope, path, target, upload_id)
    except UpstreamFailed:
        await attempt.aclose()
        raise


def stay_here(
    scope: Mapping[str, Any], path: bytes, attempt: Attempt, session: UploadSession, own_id: bytes
) -> None:
    """In the answer to a part: the upload keeps its URL."""
    for index, (name, _) in enumerate(attempt.headers):
        if name.lower() in WITH_LOCATION:
            url = own_url(scope, path, session.target.encode("latin-1"), own_id)
            attempt.headers[index] = name, url


def _session(request: RequestPlan, attempt: Attempt, target: bytes) -> UploadSession:
    until = int(time.time()) + upload_sessions.LIFE_SECONDS
    made = KnownResource.made_with(attempt.key, upload_sessions.NAME, request.client.id, until)
    path = request.path.decode("latin-1")
    return UploadSession(made, path, target.decode("latin-1"), attempt.auth)


def target_of(url: bytes, group: PoolGroup) -> bytes:
    """The path and the query that parts go to, without a key in it. Raises UpstreamFailed."""
    try:
        parsed = group.url.join(url.decode("ascii"))
        is_of_target = origin_of(parsed) == origin_of(group.url)
        is_of_google = parsed.scheme == "https" and is_host_of_google(parsed.host)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError):
        parsed, is_of_target, is_of_google = group.url, False, False
    path, _, query = parsed.raw_path.partition(b"?")
    kept = b"&".join(part for part in query.split(b"&") if part and not is_key_parameter(part))
    if not is_of_target:
        # A mirror repeats Google's own URL: its host takes the place of Google's, as in clients
        # that put in the host of their base URL.
        path = group.prefix_before(path) + path
    target = path + (b"?" + kept if kept else b"")
    if not (is_of_target or is_of_google) or len(target) > upload_sessions.LONGEST_TARGET_BYTES:
        raise UpstreamFailed(
            f"The target of group {group.name} answered with an upload URL that does not lead to"
            f" {group.url.host}: the upload cannot go on there."
        )
    return target


def own_url(scope: Mapping[str, Any], path: bytes, target: bytes, own_id: bytes) -> bytes:
    """Below the path that the client asked for, group and prefix with it. Who puts in the host of
    its own base URL comes back, too: what counts is the id.
    """
    parts = [
        part
        for part in target.partition(b"?")[2].split(b"&")
        if part and part.partition(b"=")[0] != PARAMETER
    ]
    query = b"&".join((*parts, PARAMETER + b"=" + MARK + own_id))
    return public_url(scope, path, query)
