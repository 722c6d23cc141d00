"""Asks the provider whether keys work. Listing models costs no quota."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from proxyapp.attempt import decoded
from proxyapp.errors import GatewayError, is_openai_path
from proxyapp.headers import MULTIPLE_CREDENTIALS, to_upstream
from proxyapp.models import Auth
from proxyapp.pool import PoolKey
from proxyapp.poolstore import PoolReader
from proxyapp.upstream import Upstreams, verifying_context

AT_ONCE = 8
ANSWER_BYTES = 64 * 1024
MESSAGE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`status` None: there was no answer. `message`: what the provider said, without the key."""

    key_id: int
    ok: bool
    status: int | None
    message: str


def probe_keys(key_ids: Iterable[int]) -> list[ProbeResult]:
    """In the order of `key_ids`; keys that are gone are left out. Changes no state. Not for a thread with a loop."""
    keys = PoolReader().load(datetime.now(UTC)).keys
    return asyncio.run(_probe_all([keys[key_id] for key_id in key_ids if key_id in keys]))


async def _probe_all(keys: list[PoolKey]) -> list[ProbeResult]:
    upstreams = Upstreams(verifying_context())
    limit = asyncio.Semaphore(AT_ONCE)

    async def probe(key: PoolKey) -> ProbeResult:
        async with limit:
            return await _probe(upstreams, key)

    try:
        return await asyncio.gather(*(probe(key) for key in keys))
    finally:
        await upstreams.aclose()


async def _probe(upstreams: Upstreams, key: PoolKey) -> ProbeResult:
    if not key.is_readable:
        return ProbeResult(key.id, ok=False, status=None, message="SECRET_KEY does not open this key")
    try:
        status, body = await _ask(upstreams, key, key.group.auth)
        if key.group.auth == Auth.BOTH and MULTIPLE_CREDENTIALS in body:
            status, body = await _ask(upstreams, key, Auth.GOOGLE)
    except (GatewayError, httpx.TransportError) as error:
        return ProbeResult(key.id, ok=False, status=None, message=str(error))
    message = "works" if status == 200 else _said(body).replace(key.secret, key.masked)[:MESSAGE_CHARACTERS]
    return ProbeResult(key.id, ok=status == 200, status=status, message=message)


async def _ask(upstreams: Upstreams, key: PoolKey, auth: str) -> tuple[int, bytes]:
    prefix = key.group.prefix
    is_openai = is_openai_path(prefix + b"/")
    target = prefix + (b"/models" if is_openai else b"/v1beta/models?pageSize=1")
    sign = key.credentials(auth, is_openai=is_openai)
    headers = to_upstream([(b"accept", b"application/json")], host=key.group.host, body_length=None, credentials=sign)
    response = await upstreams.send(key.group, "GET", target, headers, httpx.ByteStream(b""))
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
    body = b""
    try:
        async for chunk in response.stream:
            body += chunk
            if len(body) > ANSWER_BYTES:
                break
    finally:
        await response.stream.aclose()
    return response.status_code, decoded(body, response.headers.get("content-encoding", "").encode())


def _said(body: bytes) -> str:
    """The message of an error in Google's or OpenAI's shape, also in an array; else the start of the text."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return body[:MESSAGE_CHARACTERS].decode("utf-8", "replace")
    if isinstance(answer, list) and answer:
        answer = answer[0]
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return str(message) if message else body[:MESSAGE_CHARACTERS].decode("utf-8", "replace")
