"""Forwards one request: picks a key, asks the upstream, and goes on to the next key when this one is refused."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from proxyapp import verdict
from proxyapp.attempt import Attempt
from proxyapp.errors import GatewayError, NoKeyAvailable, UnknownGroup, is_openai_path
from proxyapp.events import Cooldown
from proxyapp.headers import MULTIPLE_CREDENTIALS, Header, to_upstream, without_key
from proxyapp.modelname import model_of
from proxyapp.models import Auth
from proxyapp.pool import ALL_GROUPS, PoolKey, group_and_path
from proxyapp.requestbody import RequestBody
from proxyapp.runtime import Runtime
from proxyapp.usage import Outcome


@dataclass(slots=True)
class Plan:
    """A client's request, ready to be sent with any key of its ring."""

    ring: str
    method: str
    path: bytes
    query: bytes | None
    headers: list[Header]
    body: RequestBody
    model: str

    def target(self, prefix: bytes) -> bytes:
        path = prefix + self.path if self.path.startswith(b"/") else self.path
        return path if self.query is None else path + b"?" + self.query


def plan(
    runtime: Runtime, *, method: str, path: bytes, query: bytes | None, headers: list[Header], body: RequestBody
) -> Plan:
    """Raises UnknownGroup for a `/g/<group>/` that does not exist."""
    group_name, path = group_and_path(path)
    ring = runtime.snapshot.ring(group_name)
    if ring is None:
        raise UnknownGroup(f"There is no group {group_name!r}.")
    return Plan(
        ring.name, method, path, without_key(query) if query else query, headers, body, model_of(path, body.data)
    )


async def forward(runtime: Runtime, request: Plan) -> Attempt:
    """The answer to relay. Raises GatewayError when no upstream gave one."""
    refused: Attempt | None = None
    tried: set[int] = set()
    while True:
        key = await runtime.leasing.next_key(request.ring)
        if key is None or key.id in tried:
            break
        tried.add(key.id)
        refused = await _attempt(runtime, request, key)
        if not await _was_cooled(runtime, refused):
            return refused
    if refused is None:
        raise _no_key(runtime, request)
    _add_retry_after(runtime, request, refused)
    return refused


async def _attempt(runtime: Runtime, request: Plan, key: PoolKey) -> Attempt:
    """Asks with both credentials first where that is the rule, and again with one if the target refuses two."""
    attempt = await _send(runtime, request, key, key.group.auth)
    if key.group.auth != Auth.BOTH or attempt.status not in (400, 401):
        return attempt
    if MULTIPLE_CREDENTIALS not in await attempt.read_error():
        return attempt
    await attempt.keep()
    await runtime.keep_single_credential(key.group.id)
    return await _send(runtime, request, key, Auth.GOOGLE)


async def _send(runtime: Runtime, request: Plan, key: PoolKey, auth: str) -> Attempt:
    """Errors that the upstream's own answer carries are read here: the key must not pass in them."""
    attempt = Attempt(runtime, key, request.model)
    target = request.target(key.group.prefix)
    headers = to_upstream(
        request.headers,
        host=key.group.host,
        body_length=request.body.length,
        credentials=key.credentials(auth, is_openai=is_openai_path(target)),
    )
    try:
        attempt.begin(await runtime.upstreams.send(key.group, request.method, target, headers, request.body.stream()))
        if attempt.status >= 400:
            await _hide_key(attempt)
    except GatewayError as error:
        attempt.end(Outcome.of_status(error.status))
        raise
    except BaseException:
        await attempt.aclose()
        raise
    return attempt


async def _hide_key(attempt: Attempt) -> None:
    """A body that is too long to be read whole ends where the reading did."""
    body = await attempt.read_error()
    secret = attempt.key.secret.encode()
    if secret in body:
        await attempt.keep()
        attempt.replace_body(body.replace(secret, attempt.key.masked.encode()))


async def _was_cooled(runtime: Runtime, attempt: Attempt) -> bool:
    """Takes the key out of rotation if its answer says so; the event is written before this returns."""
    now = datetime.now(UTC)
    judged = verdict.judge(status=attempt.status, now=now)
    if judged is None:
        return False
    body = await attempt.read_error()
    await attempt.keep()
    cooldown = Cooldown(
        key_id=attempt.key.id,
        model=judged.model,
        kind=judged.kind,
        http_status=attempt.status,
        occurred_at=now,
        until=judged.until,
        excerpt=verdict.excerpt(body, attempt.key.secret, attempt.key.masked),
    )
    await runtime.cooling.cool(cooldown)
    return True


def _release_seconds(runtime: Runtime, ring_name: str) -> int | None:
    """Whole seconds until the first key is free, at least one; None when none is cooling."""
    ring, now = runtime.snapshot.rings.get(ring_name), time.time()
    until = ring.earliest_release(now) if ring else None
    return None if until is None else max(1, int(until - now) + 1)


def _add_retry_after(runtime: Runtime, request: Plan, refused: Attempt) -> None:
    """The gateway knows better than the upstream when the next of its keys is free."""
    seconds = _release_seconds(runtime, request.ring)
    if seconds is not None:
        refused.headers = [header for header in refused.headers if header[0].lower() != b"retry-after"]
        refused.headers.append((b"retry-after", b"%d" % seconds))


def _no_key(runtime: Runtime, request: Plan) -> NoKeyAvailable:
    seconds = _release_seconds(runtime, request.ring)
    if seconds is not None:
        return NoKeyAvailable(f"All API keys are cooling; the next one is free in {seconds} s.", retry_after=seconds)
    place = "the gateway" if request.ring == ALL_GROUPS else "this group"
    why = f"No API key is available: {place} has none, or all are disabled or invalid."
    return NoKeyAvailable(f"{why} Add one in config.yaml (and restart) or in the admin.", retry_after=60)
