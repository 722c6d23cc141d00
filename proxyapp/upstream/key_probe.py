"""Whether keys work, as the answers of their provider tell. Asking costs no quota."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from proxyapp.models.key_state import key_batches
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.store import PoolReader
from proxyapp.provider.credentials import looks_elsewhere
from proxyapp.provider.excerpts import excerpt
from proxyapp.provider.probing import ProbeOutcome, outcome_of_refusal
from proxyapp.provider.refusal import read_refusal
from proxyapp.provider.verdict import effective_status, judge
from proxyapp.upstream.key_asking import Answer, ask_about
from proxyapp.upstream.upstreams import Upstreams, verifying_context
from proxyapp.vocabulary.choices import Auth, RateLimitPolicy
from proxyapp.vocabulary.errors import GatewayError
from proxyapp.vocabulary.marks import gettext_noop as _

# A page of the admin's list has 100 keys: if none gets an answer it takes five rounds of
# PROBE_SECONDS, within the minute that nginx waits by default.
AT_ONCE = 20
# An operator waits; a request of a client may take longer. As long as CONNECT_TIMEOUT_SECONDS.
PROBE_SECONDS = 10.0
MESSAGE_CHARACTERS = 300  # 38 of the 49 recorded messages fit
UNUSABLE = _("not asked: SECRET_KEY does not open the proxy URL of its group")
NO_LIST = _("no list of models there, is the group's target URL right?")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`status` None: there was no answer.

    `message`: what it means, and what the provider said, without the key.
    """

    key_id: int
    outcome: ProbeOutcome
    status: int | None
    message: str

    @property
    def ok(self) -> bool:
        return self.outcome is ProbeOutcome.WORKS

    @property
    def is_dead(self) -> bool:
        return self.outcome is ProbeOutcome.DEAD


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
    results = {key_id: unanswered(key_id, UNUSABLE) for key_id in unusable}
    for result in asyncio.run(_probe_all([pool[key_id] for key_id in asked if key_id in pool])):
        results[result.key_id] = result
    return [results[key_id] for key_id in asked if key_id in results]


def probe_in_pieces(
    key_ids: Sequence[int], size: int
) -> Iterator[tuple[dict[int, str], list[ProbeResult]]]:
    """Of each piece the hashes of the secrets that were asked with, and the results."""
    pool = PoolReader().load(datetime.now(UTC)).keys
    for start in range(0, len(key_ids), size):
        piece = key_ids[start : start + size]
        keys = [pool[key_id] for key_id in piece if key_id in pool]
        unusable = [unanswered(key_id, UNUSABLE) for key_id in piece if key_id not in pool]
        hashes = {key.id: key.key_hash for key in keys}
        yield hashes, [*unusable, *asyncio.run(_probe_all(keys))]


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


def unanswered(key_id: int, message: str) -> ProbeResult:
    return ProbeResult(key_id, ProbeOutcome.INCONCLUSIVE, None, message)


async def probe(upstreams: Upstreams, key: PoolKey) -> ProbeResult:
    if not key.is_readable:
        return unanswered(key.id, "SECRET_KEY does not open this key")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            answer = await ask_about(upstreams, key)
    except TimeoutError:
        return unanswered(key.id, f"waited {PROBE_SECONDS:g} s in vain")
    except (GatewayError, httpx.TransportError) as error:
        return unanswered(key.id, str(error) or type(error).__name__)
    return ProbeResult(key.id, _outcome(answer, key), answer.status, _message(answer, key))


def _outcome(answer: Answer, key: PoolKey) -> ProbeOutcome:
    """A target URL that leads to a web site answers 200, too, but with a page."""
    status = effective_status(answer.status, answer.body)
    if status == 200 and answer.body.lstrip().startswith((b"{", b"[")):
        return ProbeOutcome.WORKS
    return outcome_of_refusal(
        status,
        read_refusal(answer.body),
        answer.target,
        is_key_in_place=answer.is_key_in_place,
        is_place_known=_is_place_known(answer, key),
    )


def _is_place_known(answer: Answer, key: PoolKey) -> bool:
    """An operator who names one way for a target that is not Google's knows where it looks. A
    service account has one way.
    """
    if key.is_account:
        return True
    group = key.group
    if answer.auth == Auth.BEARER and not group.is_of_google:
        return not looks_elsewhere(answer.body)
    return answer.is_key_in_place and group.auth != Auth.BOTH


def _message(answer: Answer, key: PoolKey) -> str:
    """On one line. Read as under quota_aware, whatever the group's policy: here it only
    explains.
    """
    if _outcome(answer, key) is ProbeOutcome.WORKS:
        return _("works")
    # Before anything is cut: half a key would not be recognised.
    secret = answer.shown.secret
    body = answer.body.replace(secret.encode(), key.masked.encode())
    verdict = judge(
        status=answer.status,
        headers=[],
        body=body,
        path=answer.target,
        model="",
        policy=RateLimitPolicy.QUOTA_AWARE,
        now=datetime.now(UTC),
        is_key_in_place=answer.is_key_in_place,
    )
    meaning = verdict.kind.spec.probe_says if verdict else NO_LIST
    if answer.status == 404:
        meaning = NO_LIST
    said = verdict.message.encode() if verdict and verdict.message else body
    text = " ".join(excerpt(said, secret, key.masked).split())[:MESSAGE_CHARACTERS]
    return ": ".join(filter(None, (meaning, text))) or _("an empty answer")
