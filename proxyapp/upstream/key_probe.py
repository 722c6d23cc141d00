"""Asks the provider whether keys work. Listing models costs no quota."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import httpx

from proxyapp.models.key_state import key_batches
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.store import PoolReader
from proxyapp.provider.codings import decoded
from proxyapp.provider.credentials import MULTIPLE_CREDENTIALS
from proxyapp.provider.excerpts import excerpt
from proxyapp.provider.verdict import judge
from proxyapp.upstream.headers import to_upstream
from proxyapp.upstream.upstreams import Upstreams, verifying_context
from proxyapp.vocabulary.choices import Auth, RateLimitPolicy
from proxyapp.vocabulary.errors import GatewayError, is_openai_path

# A page of the admin's list has 100 keys: if none gets an answer it takes five rounds of
# PROBE_SECONDS, within the minute that nginx waits by default.
AT_ONCE = 20
# An operator waits; a request of a client may take longer. As long as CONNECT_TIMEOUT_SECONDS.
PROBE_SECONDS = 10.0
# One model is asked for; the OpenAI format lists all. What goes beyond is a web site's page.
ANSWER_BYTES = 64 * 1024
MESSAGE_CHARACTERS = 300  # 38 of the 49 recorded messages fit
UNUSABLE = "not asked: SECRET_KEY does not open the proxy URL of its group"
NO_LIST = "no list of models there, is the group's target URL right?"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`status` None: there was no answer.

    `message`: what it means, and what the provider said, without the key.
    """

    key_id: int
    ok: bool
    status: int | None
    message: str


def probe_keys(key_ids: Iterable[int]) -> list[ProbeResult]:
    """In the order of `key_ids`; keys that are gone are left out.

    Changes no state. Not for a thread with a loop.
    """
    asked = list(key_ids)
    pool = PoolReader().load(datetime.now(UTC)).keys
    unusable = {
        pk
        for keys in key_batches(set(asked) - pool.keys())
        for pk in keys.values_list("pk", flat=True)
    }
    results = {
        key_id: ProbeResult(key_id, ok=False, status=None, message=UNUSABLE) for key_id in unusable
    }
    for result in asyncio.run(_probe_all([pool[key_id] for key_id in asked if key_id in pool])):
        results[result.key_id] = result
    return [results[key_id] for key_id in asked if key_id in results]


async def _probe_all(keys: list[PoolKey]) -> list[ProbeResult]:
    upstreams = Upstreams(verifying_context())
    limit = asyncio.Semaphore(AT_ONCE)

    async def in_turn(key: PoolKey) -> ProbeResult:
        async with limit:
            return await probe(upstreams, key)

    try:
        return await asyncio.gather(*(in_turn(key) for key in keys))
    finally:
        await upstreams.aclose()


class Answer(NamedTuple):
    """`auth`: how the key was sent. `target`: what was asked for."""

    status: int
    body: bytes
    auth: str
    target: bytes


async def probe(upstreams: Upstreams, key: PoolKey) -> ProbeResult:
    if not key.is_readable:
        return ProbeResult(
            key.id, ok=False, status=None, message="SECRET_KEY does not open this key"
        )
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            answer = await _ask_in_turn(upstreams, key)
    except TimeoutError:
        return ProbeResult(
            key.id, ok=False, status=None, message=f"waited {PROBE_SECONDS:g} s in vain"
        )
    except (GatewayError, httpx.TransportError) as error:
        return ProbeResult(
            key.id, ok=False, status=None, message=str(error) or type(error).__name__
        )
    # A target URL that leads to a web site answers 200, too, but with a page.
    if answer.status == 200 and answer.body.lstrip().startswith((b"{", b"[")):
        return ProbeResult(key.id, ok=True, status=200, message="works")
    return ProbeResult(key.id, ok=False, status=answer.status, message=_message(answer, key))


def _message(answer: Answer, key: PoolKey) -> str:
    """On one line. Read as under quota_aware, whatever the group's policy: here it only
    explains.
    """
    # Before anything is cut: half a key would not be recognised.
    body = answer.body.replace(key.secret.encode(), key.masked.encode())
    verdict = judge(
        status=answer.status,
        headers=[],
        body=body,
        path=answer.target,
        model="",
        policy=RateLimitPolicy.QUOTA_AWARE,
        now=datetime.now(UTC),
        is_key_in_place=_is_key_in_place(answer),
    )
    meaning = verdict.kind.spec.probe_says if verdict else NO_LIST
    if answer.status == 404:
        meaning = NO_LIST
    said = verdict.message.encode() if verdict and verdict.message else body
    text = " ".join(excerpt(said, key.secret, key.masked).split())[:MESSAGE_CHARACTERS]
    return ": ".join(filter(None, (meaning, text))) or "an empty answer"


def _is_key_in_place(answer: Answer) -> bool:
    """Only where Google takes it from."""
    return answer.auth in (
        Auth.GOOGLE,
        Auth.BEARER if is_openai_path(answer.target) else Auth.X_GOOG_API_KEY,
    )


async def _ask_in_turn(upstreams: Upstreams, key: PoolKey) -> Answer:
    """With both credentials, and with one where that is refused."""
    answer = await _ask(upstreams, key, key.group.auth)
    if answer.auth == Auth.BOTH and MULTIPLE_CREDENTIALS in answer.body:
        return await _ask(upstreams, key, Auth.GOOGLE)
    return answer


async def _ask(upstreams: Upstreams, key: PoolKey, auth: str) -> Answer:
    prefix = key.group.prefix
    is_openai = is_openai_path(prefix + b"/")
    target = prefix + (b"/models" if is_openai else b"/v1beta/models?pageSize=1")
    sign = key.credentials(auth, is_openai=is_openai)
    headers = to_upstream(
        [(b"accept", b"application/json")], host=key.group.host, body_length=None, credentials=sign
    )
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
    body = decoded(body, response.headers.get("content-encoding", "").strip().lower().encode())
    return Answer(response.status_code, body, auth, target)
