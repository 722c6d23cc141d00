"""From an attempt to a verdict, and from there to a cooldown."""

import functools
import re
from dataclasses import replace
from datetime import UTC, datetime

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.booked_scope import booked_scope
from proxyapp.forwarding.long_bodies import is_long, read_for_refusal
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.ledger.cooldown_writer import Cooling
from proxyapp.pool.cooldown_rows import NewCooldown
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.learned_limits import Learned
from proxyapp.pool.probation import Recovery
from proxyapp.provider import verdict
from proxyapp.provider.credentials import is_alone_in_place
from proxyapp.provider.excerpts import excerpt
from proxyapp.provider.features import plain_scope
from proxyapp.provider.kind_spec import Retry, Scope
from proxyapp.provider.verdict import Verdict
from proxyapp.vocabulary.choices import RateLimitPolicy
from proxyapp.vocabulary.remembered import remembered

# Statuses with which providers speak of a key that is no good.
OF_KEYS = (400, 401, 403)


async def judged(recovery: Recovery, request: RequestPlan, attempt: Attempt) -> Verdict | None:
    """None: the policy has nothing to say, and the answer is relayed."""
    body = await attempt.read_error()
    policy = attempt.key.group.policy
    if is_long(request.body):
        await read_for_refusal(request.body, request.path)
    if policy == RateLimitPolicy.DAILY and attempt.lacks_token:
        return _of_no_token(recovery, request, attempt, body)
    if policy == RateLimitPolicy.DAILY and request.is_sought and attempt.status in OF_KEYS:
        return _of_sought(recovery, request, attempt, body)
    if policy == RateLimitPolicy.DAILY and attempt.is_false_success and attempt.status != 429:
        return _of_false_success(recovery, request, attempt, body)
    return _verdict(recovery, request, attempt, attempt.status, body, policy)


def _of_no_token(
    recovery: Recovery, request: RequestPlan, attempt: Attempt, body: bytes
) -> Verdict | None:
    """Under `daily` an account is passed over for a while, and is never lost."""
    aware = RateLimitPolicy.QUOTA_AWARE
    found = _verdict(recovery, request, attempt, attempt.status, body, aware)
    if found is None:
        return None
    if found.kind.spec.condemns:
        now = datetime.now(UTC)
        return verdict.of_an_unproven_key(found, now, _strikes(recovery, request, attempt.key, now))
    return replace(found, model="", retry=Retry.NEXT_KEY)


def _of_sought(
    recovery: Recovery, request: RequestPlan, attempt: Attempt, body: bytes
) -> Verdict | None:
    """Under `daily` a key that is no good costs it nothing, and another one may know the name."""
    aware = RateLimitPolicy.QUOTA_AWARE
    found = _verdict(recovery, request, attempt, attempt.status, body, aware)
    if found is None or not found.kind.spec.condemns:
        return None
    return replace(verdict.of_the_request(found), retry=Retry.NEXT_KEY)


def _of_false_success(
    recovery: Recovery, request: RequestPlan, attempt: Attempt, body: bytes
) -> Verdict | None:
    """Under `daily` a server's error takes out nothing, but another key may answer; of a handshake
    also where the key is no good.
    """
    aware = RateLimitPolicy.QUOTA_AWARE
    found = _verdict(recovery, request, attempt, attempt.status, body, aware)
    if found is None:
        return None
    if attempt.is_handshake and found.kind.spec.condemns:
        return replace(verdict.of_the_request(found), retry=Retry.NEXT_KEY)
    return replace(found, until=None) if found.retry is Retry.BACK_OFF else None


def _verdict(
    recovery: Recovery,
    request: RequestPlan,
    attempt: Attempt,
    status: int,
    body: bytes,
    policy: str,
) -> Verdict | None:
    """What takes something out is judged by what of the request may be the reason, too.

    Nearly every 429 does, and that is looked at first: it costs one judgement instead of two.
    """
    now = datetime.now(UTC)
    judge = functools.partial(
        verdict.judge,
        status=status,
        headers=attempt.headers,
        body=body,
        path=request.path,
        policy=policy,
        now=now,
        strikes=_strikes(recovery, request, attempt.key, now),
        is_key_in_place=_is_key_in_place(request, attempt),
    )
    if status == 429:
        closely = judge(model=booked_scope(request), use=request.use)
        if closely is None or closely.takes_out:
            return closely
    found = judge(model=plain_scope(request.quota_scope))
    if found is None or not found.takes_out:
        return found
    return judge(model=booked_scope(request), use=request.use)


def _strikes(recovery: Recovery, request: RequestPlan, key: PoolKey, now: datetime) -> int:
    """Those of the model count for its features, too."""
    scopes = {plain_scope(request.quota_scope), request.quota_scope}
    return max(recovery.strikes(key, scope, now.timestamp()) for scope in scopes)


def _is_key_in_place(request: RequestPlan, attempt: Attempt) -> bool:
    """The key, and nothing but the key, was where Google takes it from."""
    if request.has_other_credential:
        return False
    facts, prefix = request.sent_to(attempt.key.group, attempt.auth)
    return is_alone_in_place(attempt.auth, is_openai=facts.is_openai_behind(prefix))


async def cooldown_of(attempt: Attempt, judgement: Verdict) -> NewCooldown:
    body, now = await attempt.read_error(), datetime.now(UTC)
    client, request_id = attempt.client, attempt.count.request_id
    return cooldown(attempt.key, judgement, attempt.status, body, now, client, request_id)


def cooldown(
    key: PoolKey,
    judgement: Verdict,
    status: int,
    body: bytes,
    now: datetime,
    client: Client = ANYONE,
    request_id: str = "",
) -> NewCooldown:
    """What the verdict on a key takes out from now on. `client`: whose request was refused."""
    delay = judgement.stated_delay
    return NewCooldown(
        key_id=key.id,
        project=key.project if judgement.scope is Scope.PROJECT else "",
        model=judgement.model,
        kind=judgement.kind,
        http_status=status,
        occurred_at=now,
        until=max(judgement.until or now, now),
        excerpt=excerpt(body, key.secret, key.masked),
        quota_id=judgement.quota_id,
        quota_limit=judgement.limit,
        stated_delay_seconds=None if delay is None else delay.total_seconds(),
        key_hash=key.key_hash,
        client_id=None if client is ANYONE else client.id,
        reason=_reason(key, judgement),
        learned=tuple(
            Learned(key.quota_owner, plain_scope(judgement.model), *limit, now)
            for limit in judgement.stated
        ),
        request_id=request_id,
    )


def _reason(key: PoolKey, judgement: Verdict) -> str:
    """Of a key that is condemned."""
    if not judgement.kind.spec.condemns:
        return ""
    return excerpt(judgement.message.encode(), key.secret, key.masked)


STREAM_TYPES = re.compile(
    rb"\s*(?:text/event-stream|(?:application|text)/(?:[\w.-]+\+)?json)\s*(?:;|$)", re.IGNORECASE
)


@remembered
def is_stream_type(content_type: bytes) -> bool:
    return STREAM_TYPES.match(content_type) is not None


def watch_stream(
    recovery: Recovery, cooling: Cooling, request: RequestPlan, attempt: Attempt
) -> None:
    """A stream that began well can end in an error.

    It passes as it is, and counts for the next request. What a key owns is no stream: the end of a
    file that is downloaded may look like anything. Nor is what has another type than streams have,
    which a client may have asked for.
    """
    if request.facts.is_asked_once or not is_stream_type(attempt.header(b"content-type")):
        return
    attempt.on_error = functools.partial(_note_stream_error, recovery, cooling, request, attempt)


def _note_stream_error(
    recovery: Recovery,
    cooling: Cooling,
    request: RequestPlan,
    attempt: Attempt,
    body: bytes,
) -> int:
    """The status that the error stands for.

    What stands there takes out the model at most, and not for money: it is no refusal of a key.
    """
    status = verdict.effective_status(attempt.status, body)
    judgement = _verdict(recovery, request, attempt, attempt.status, body, attempt.key.group.policy)
    _impose_if_sure(cooling, attempt, judgement, status, body, model_at_most=True)
    return status


def _impose_if_sure(
    cooling: Cooling,
    attempt: Attempt,
    judgement: Verdict | None,
    status: int,
    body: bytes,
    *,
    model_at_most: bool,
) -> None:
    if judgement is None or not judgement.takes_out or judgement.needs_proof:
        return
    spec = judgement.kind.spec
    if not model_at_most or (spec.is_for_model and not spec.widens_to):
        now, client, request_id = datetime.now(UTC), attempt.client, attempt.count.request_id
        cooling.impose(cooldown(attempt.key, judgement, status, body, now, client, request_id))


def note_quota_of_session(
    recovery: Recovery, cooling: Cooling, request: RequestPlan, attempt: Attempt, body: bytes
) -> None:
    """A Live session that a quota has ended counts for the next request.

    As the end of a stream it takes out the model at most, unless the policy knows keys only.
    """
    policy = attempt.key.group.policy
    judgement = _verdict(recovery, request, attempt, 429, body, policy)
    at_most = policy != RateLimitPolicy.DAILY
    _impose_if_sure(cooling, attempt, judgement, 429, body, model_at_most=at_most)
