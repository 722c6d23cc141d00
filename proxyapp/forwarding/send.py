"""Asks an upstream with one key."""

import json
from collections.abc import Coroutine
from typing import Any, Protocol

from proxyapp.forwarding.answer_mask import InflatingMask, TextMask, UnreadableRest
from proxyapp.forwarding.asked_usage import asking_plainly, body_that_asks, hide_usage
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.attempt_count import AttemptCount
from proxyapp.forwarding.exits_of_request import raise_if_of_exit
from proxyapp.forwarding.first_answer import is_well_begun, look_at_start
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.ledger.counting import Counting
from proxyapp.ledger.usage import AttemptOutcome
from proxyapp.pool.probation import Recovery
from proxyapp.pool.wish import Turn
from proxyapp.provider.codings import COMPRESSIONS, DECODED_BYTES, inflated
from proxyapp.provider.credentials import refuses_two, with_key
from proxyapp.provider.refusal import read_refusal
from proxyapp.provider.refusal_rules import is_about_credentials
from proxyapp.upstream import hops
from proxyapp.upstream.headers import to_upstream
from proxyapp.upstream.token_minting import NoToken
from proxyapp.upstream.upstreams import Upstreams
from proxyapp.vocabulary.auth_places import IN_QUERY
from proxyapp.vocabulary.choices import Auth
from proxyapp.vocabulary.errors import BodyNotKept, GatewayError, LoopFound
from proxyapp.vocabulary.key_masker import KeyMasker, ascii_mask, without_key

# Of an account while its tokens cannot be had; the next keys are asked meanwhile.
WITHOUT_TOKEN_SECONDS = 30
UNREADABLE = (
    "The upstream sent this status with a text in a Content-Encoding that the gateway did not ask"
    " for, or that is broken."
)


class SendingParts(Protocol):
    """What of the runtime it takes to ask an upstream."""

    upstreams: Upstreams
    recovery: Recovery
    counting: Counting

    async def keep_single_credential(self, group_id: int) -> None: ...


def ask(parts: SendingParts, request: RequestPlan, turn: Turn) -> Coroutine[Any, Any, Attempt]:
    """Asks with the group's credential, or with two where that is the rule."""
    auth = turn.key.group.auth
    if auth == Auth.BOTH:
        if request.settled_auth:
            return _send(parts, request, turn, request.settled_auth)
        return _ask_with_two(parts, request, turn)
    if turn.key.is_account:
        return _ask_with_token(parts, request, turn)
    return _send(parts, request, turn, auth)


async def _ask_with_token(parts: SendingParts, request: RequestPlan, turn: Turn) -> Attempt:
    """With the token of a service account; with another one where it is refused."""
    tokens = parts.upstreams.tokens
    try:
        held = tokens.present(turn.key)
        signed = held or await tokens.signed(turn.key)
        attempt = await _send(parts, request, turn._replace(key=signed), Auth.BEARER)
        if attempt.status != 401 or held is None:
            return attempt
        tokens.forget(signed)
        await attempt.aclose()
        signed = await tokens.signed(turn.key)
        return await _send(parts, request, turn._replace(key=signed), Auth.BEARER)
    except NoToken as refusal:
        attempt = Attempt(
            AttemptCount(parts.counting, parts.recovery, turn, request), turn, Auth.BEARER
        )
        raise_if_of_exit(refusal, attempt, parts.upstreams.exits)
        return await _without_token(attempt, refusal)


async def _without_token(attempt: Attempt, refusal: NoToken) -> Attempt:
    """Judged as an answer: an account that is refused is a dead key, all else passes."""
    attempt.status = refusal.status
    attempt.lacks_token = attempt.count.is_unsent = True
    await attempt.keep()
    attempt.replace_body(refusal.body, b"application/json")
    if not refusal.is_refused:
        attempt.headers.append((b"retry-after", b"%d" % WITHOUT_TOKEN_SECONDS))
    return attempt


async def _ask_with_two(parts: SendingParts, request: RequestPlan, turn: Turn) -> Attempt:
    """With one if the target refuses two.

    The group keeps to one when that has helped: what a client wrote may read like a refusal of two.
    """
    group = turn.key.group
    attempt = await _send(parts, request, turn, Auth.BOTH)
    if attempt.status == 404 and request.is_rewritten and group.rewrite_paths:
        return await _ask_as_gemini(parts, request, turn, attempt)
    if attempt.status not in (400, 401):
        return attempt
    if not refuses_two(read_refusal(await attempt.read_error()).message):
        return attempt
    await attempt.keep()
    attempt = await _send(parts, request, turn, Auth.GOOGLE)
    try:
        if await _has_helped(attempt):
            await parts.keep_single_credential(group.id)
    except BaseException:
        await attempt.aclose()
        raise
    return attempt


async def _ask_as_gemini(
    parts: SendingParts, request: RequestPlan, turn: Turn, missed: Attempt
) -> Attempt:
    """A target that does not have the path as it was written may be a mirror of Gemini's.

    Nothing is concluded for other requests: it may speak both languages.
    """
    await missed.keep()
    try:
        attempt = await _send(parts, request, turn, Auth.GOOGLE)
    except GatewayError:
        return missed
    if attempt.status < 400 or attempt.status == 429:
        return attempt
    await attempt.aclose()
    return missed


async def _has_helped(attempt: Attempt) -> bool:
    """Whether the target took the one credential: its own trouble does not say so."""
    if attempt.status < 400:
        return True
    refusal = read_refusal(await attempt.read_error())
    return attempt.status < 500 and not is_about_credentials(attempt.status, refusal)


async def _send(parts: SendingParts, request: RequestPlan, turn: Turn, auth: str) -> Attempt:
    """The upstream's own errors are read here: the key must not pass in them."""
    key = turn.key
    count = AttemptCount(parts.counting, parts.recovery, turn, request)
    attempt = Attempt(count, turn, auth)
    facts, prefix = request.sent_to(key.group, auth)
    target = request.target(prefix, facts.path)
    is_in_query = auth.startswith(IN_QUERY)
    if is_in_query:
        target = with_key(target, auth, key.secret)
    try:
        asking = await body_that_asks(request) if key.group.include_usage else None
        headers = to_upstream(
            request.headers,
            host=key.group.host,
            body_length=request.body.length if asking is None else len(asking),
            credentials=key.credentials(auth, is_openai=facts.is_openai_behind(prefix)),
        )
        if asking is not None:
            headers = asking_plainly(headers)
        if not key.group.is_of_google:
            headers += hops.with_own_mark(request.headers)
        exchange = await parts.upstreams.send(
            key.group,
            request.method,
            target,
            headers,
            request.body.to_send() if asking is None else asking,
        )
        attempt.begin(exchange)
        if asking is not None:
            hide_usage(attempt)
        if hops.tells_loop(attempt.status, attempt.headers):
            await attempt.keep()
            raise LoopFound(hops.LOOP)
        if attempt.status < 300 and request.is_generating and not is_well_begun(attempt):
            await look_at_start(attempt, request.path)
        if is_in_query or attempt.status >= 300:
            _hide_key_in_headers(attempt)
        if attempt.status >= 300:
            await _hide_key(attempt)
        if attempt.status < 400 and not parts.recovery.is_idle:
            parts.recovery.succeeded(key, request.quota_scope, attempt.began_at)
    except BodyNotKept as error:  # the upstream is not to blame, and answered nothing
        count.is_unsent = True
        count.end(AttemptOutcome.CANCELLED, error.status)
        raise
    except GatewayError as error:
        count.is_unsent = not error.is_sent
        attempt.end(AttemptOutcome.of_status(error.status))
        raise
    except BaseException:
        await attempt.aclose()
        raise
    return attempt


def _hide_key_in_headers(attempt: Attempt) -> None:
    """A redirect, say, may repeat the request's credential in its Location; of a key in the query
    other links may, whatever the status.
    """
    secret, masked = attempt.key.secret, ascii_mask(attempt.key.masked)
    attempt.headers = [
        (name, without_key(value, secret, masked)) for name, value in attempt.headers
    ]


async def _hide_key(attempt: Attempt) -> None:
    """A body that is too long to be read whole is masked while it passes.

    One that cannot be read is not relayed.
    """
    body = await attempt.read_error()
    secret, masked = attempt.key.secret, attempt.key.masked
    if body and not attempt.is_readable:
        await attempt.keep()
        attempt.replace_body(_unreadable(attempt.status), b"application/json")
    elif attempt.is_complete or len(body) >= DECODED_BYTES:
        hidden = without_key(body, secret, masked)
        if hidden != body:
            await attempt.keep()
            attempt.replace_body(hidden)
    else:
        try:
            _hide_key_in_rest(attempt)
        except UnreadableRest:
            await attempt.keep()
            attempt.replace_body(_unreadable(attempt.status), b"application/json")


def _hide_key_in_rest(attempt: Attempt) -> None:
    """What is packed passes unpacked."""
    masker = KeyMasker(attempt.key.secret, attempt.key.masked)
    coding, head = attempt.coding, attempt.held()
    attempt.hold(head)
    if coding in COMPRESSIONS and inflated(b"".join(head), coding) is not None:
        attempt.pass_through(InflatingMask(masker, coding), is_inflating=True)
    else:
        attempt.pass_through(TextMask(masker), is_inflating=False)


def _unreadable(status: int) -> bytes:
    """For clients of any format; no word of it is a verdict on the key."""
    return json.dumps({"error": {"code": status, "message": UNREADABLE}}).encode()
