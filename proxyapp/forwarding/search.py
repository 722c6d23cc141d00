"""Forwards one request: asks with one key after the other, until an answer is to be relayed."""

import asyncio
import random
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.bound_request import BindingParts, learn
from proxyapp.forwarding.charged_asking import Ask, asking_with
from proxyapp.forwarding.exits_of_request import ExitsOfRequest
from proxyapp.forwarding.first_answer import is_without_content
from proxyapp.forwarding.judge import cooldown_of, judged, watch_stream
from proxyapp.forwarding.key_trial import KeyTrial
from proxyapp.forwarding.model_list_asking import TargetList
from proxyapp.forwarding.no_key import (
    Comeback,
    add_retry_after,
    away,
    comeback,
    last_words_of,
    no_key,
    spent,
)
from proxyapp.forwarding.own_limits import refuse_at_own_limits
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.forwarding.seeking import Seeking
from proxyapp.forwarding.send import SendingParts, ask
from proxyapp.forwarding.suspicions import Suspicions
from proxyapp.ledger.cooldown_writer import Cooling
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.last_words import LastWords
from proxyapp.pool.queue import KeyQueue
from proxyapp.pool.snapshot import Snapshot
from proxyapp.pool.wish import KeyWish, Turn
from proxyapp.provider.features import feature_of, plain_scope
from proxyapp.provider.kind_spec import Retry
from proxyapp.provider.verdict import Verdict
from proxyapp.upstream.key_prober import KeyProber
from proxyapp.vocabulary.choices import RateLimitPolicy
from proxyapp.vocabulary.errors import GatewayError
from proxyapp.vocabulary.kept_answers import KeptAnswers
from proxyapp.vocabulary.kept_settings import kept

# A model that is overloaded is so for all keys: each further try only adds to it, so there are two,
# and the second comes later. A random half more or less spreads those that failed together. In all
# a client waits 1.9 s at most for what it could as well do itself.
SERVER_ERROR_PAUSES = (0.25, 1.0)


class SearchParts(SendingParts, BindingParts, Protocol):
    """What of the runtime a search takes. `snapshot` is replaced over time; the others stay."""

    snapshot: Snapshot
    queue: KeyQueue
    cooling: Cooling
    prober: KeyProber
    last_words: LastWords
    model_lists: KeptAnswers[TargetList]


class Search:
    """One request's way from key to key. Nothing has reached the client before it ends."""

    def __init__(self, parts: SearchParts, request: RequestPlan, asking: Ask = ask) -> None:
        self._parts = parts
        self._request = request
        self._ask = asking
        self._wish = KeyWish(
            request.ring,
            request.quota_scope,
            time.monotonic(),
            failed_groups=request.barred_groups,
            only=None if request.bond is None else request.bond.key_ids,
            request=request,
            conversation=None if request.bond is not None else request.conversation,
            exits=parts.upstreams.exits,
        )
        self._exits = ExitsOfRequest(parts.upstreams.exits, self._wish)
        self._seeking = None if request.bond is None else Seeking(parts, request, self._wish)
        self._attempts = 0
        self._server_errors = 0
        self._refused: Attempt | None = None
        self._trial: KeyTrial | None = None
        self._suspicions = Suspicions()
        self._empty: Attempt | None = None
        self._empties = 0
        self._is_quota_used_up = False
        self._has_other_trouble = False

    def run(self) -> Coroutine[Any, Any, Attempt]:
        return self._run() if self._seeking is None else self._seeking.bounded(self._run)

    async def _run(self) -> Attempt:
        queue, wish = self._parts.queue, self._wish
        while (turn := queue.turn_now(wish) or await self._next_turn()) is not None:
            try:
                attempt = await asking_with(self._ask, self._parts, self._request, turn)
            except GatewayError as error:
                if self._goes_on_after(error, turn.key):
                    continue
                return self._last_answer(error)
            verdict = None if attempt.status < 400 else await self._judged(attempt)
            if verdict is None or verdict.retry is Retry.RELAY:
                if self._seeking is not None and await self._seeking.goes_on_after(attempt):
                    continue
                if attempt.key.group.retry_empty_answers and await self._is_empty(attempt):
                    continue
                return await self._relayed(attempt)
            await attempt.keep()
            self._refused = attempt
            await self._record(attempt, verdict)
            if not await self._goes_on(verdict, turn):
                return await self._relayed(attempt)
        return await self._answer_without_key(self._refused, time.time())

    async def _judged(self, attempt: Attempt) -> Verdict | None:
        judgement = await judged(self._parts.recovery, self._request, attempt)
        self._trial = self._trial or KeyTrial(self._parts.prober, self._parts.recovery)
        verdict = await self._trial.verdict(attempt, judgement)
        if verdict is not None:
            attempt.count.judged(verdict.kind.value)
        return verdict

    async def _next_turn(self) -> Turn | None:
        if self._attempts >= kept.MAX_ATTEMPTS or self._request.body.is_spent:
            return None
        has_failed = len(self._wish.failed_groups) > len(self._request.barred_groups)
        is_refused_by_quota = not (self._server_errors or has_failed)
        return await self._exits.next_turn(self._parts.queue, may_wait=is_refused_by_quota)

    async def _relayed(self, attempt: Attempt) -> Attempt:
        """A success shows that earlier keys, and not the request, were the reason of refusals.

        One that is empty is more than a refusal.
        """
        if attempt.status >= 400 and self._empty is not None:
            await attempt.keep()
            attempt = self._empty
        if attempt.status < 400:
            request = self._request
            if request.touches_resources:
                await learn(self._parts, request, attempt)
            for suspected, verdict in () if request.is_sought else self._suspicions.refusals:
                await self._parts.cooling.cool(await cooldown_of(suspected, verdict))
            if attempt.key.group.policy == RateLimitPolicy.QUOTA_AWARE:
                watch_stream(self._parts.recovery, self._parts.cooling, request, attempt)
        return attempt

    async def _is_empty(self, attempt: Attempt) -> bool:
        """Whether it is kept, while another key may have more to say."""
        key, request = attempt.key, self._request
        if attempt.status != 200 or self._empties >= key.group.retry_empty_answers:
            return False
        if not request.is_generating or not await is_without_content(attempt, request.path):
            return False
        await attempt.keep()
        self._empty = attempt
        self._empties += 1
        self._attempts += 1
        self._wish.tried.add(key.id)
        return True

    async def _answer_without_key(self, refused: Attempt | None, now: float) -> Attempt:
        """Raises NoKeyAvailable.

        Who meets the last refusal of a spent quota is told what all are told that come after it.
        """
        parts, request = self._parts, self._request
        if self._empty is not None:
            return await self._relayed(self._empty)
        if refused is None:
            refuse_at_own_limits(parts, request, self._wish.turned_away, now)
        bond = request.bond
        if bond is not None and not bond.is_sought:
            said = "" if refused is None else await last_words_of(refused)
            raise away(parts.snapshot, bond, request.quota_scope, now, said)
        if self._seeking is not None and (missed := self._seeking.missed_before(refused)):
            return missed
        if refused is None:
            raise await no_key(parts.snapshot, parts.last_words, request, now)
        when = comeback(parts.snapshot, request, now)
        if when is not None and self._is_spent(when, now):
            said = await last_words_of(refused)
            ring = parts.snapshot.rings[request.ring]
            parts.last_words.note(ring, request.quota_scope, said, when.at)
            raise spent(request, when, said, now)
        add_retry_after(parts.snapshot, request, refused, now)
        return refused

    def _is_spent(self, when: Comeback, now: float) -> bool:
        """No key is left, and a quota was the last that was refused.

        Keys may be back by now: those that another trouble made the request leave were never out.
        """
        if not self._is_quota_used_up or self._parts.queue.has_other(self._wish):
            return False
        return when.at > now or not self._has_other_trouble

    async def _record(self, attempt: Attempt, verdict: Verdict) -> None:
        """The event is in the database, or in the spool, when this returns."""
        is_waiting = verdict.until is not None and not verdict.needs_proof
        self._is_quota_used_up = is_waiting and attempt.status == 429
        self._has_other_trouble |= not self._is_quota_used_up
        if verdict.takes_out and verdict.needs_proof:
            self._suspicions.add(attempt, verdict)
        elif verdict.takes_out:
            self._narrow(verdict)
            self._note_refused(attempt, verdict)
            await self._parts.cooling.cool(await cooldown_of(attempt, verdict))

    def _note_refused(self, attempt: Attempt, verdict: Verdict) -> None:
        quota, delay = self._parts.queue.quota, verdict.stated_delay
        seconds = None if delay is None else delay.total_seconds()
        for limit in verdict.stated:
            quota.note_refused(attempt.key, verdict.model, limit.meter, seconds, time.time())

    def _narrow(self, verdict: Verdict) -> None:
        """What is left to try, and when to come back, depends on what was taken out."""
        request, feature = self._request, feature_of(verdict.model)
        is_of_model = plain_scope(verdict.model) == request.quota_scope
        if feature and is_of_model and feature in request.use.features:
            request.quota_scope = self._wish.quota_scope = verdict.model

    async def _goes_on(self, verdict: Verdict, turn: Turn) -> bool:
        """Whether another key may answer what this one did not.

        MAX_ATTEMPTS does not count what costs a day.
        """
        self._wish.tried.add(turn.key.id)
        self._attempts += verdict.kind.spec.is_attempt
        if verdict.doubt.ends_search:
            self._wish.tried.update(self._parts.snapshot.sharing(turn.key.id, turn.key.project))
            if self._suspicions.is_requests_own(turn.key, verdict):
                return False
        if verdict.retry is Retry.OTHER_GROUP:
            self._wish.failed_groups.add(turn.key.group.id)
            return self._parts.queue.has_other(self._wish)
        if verdict.retry is Retry.BACK_OFF:
            return await self._backs_off()
        return True

    async def _backs_off(self) -> bool:
        if self._server_errors >= len(SERVER_ERROR_PAUSES) or self._request.facts.is_asked_once:
            return False
        if self._attempts >= kept.MAX_ATTEMPTS or not self._parts.queue.has_other(self._wish):
            return False
        pause = SERVER_ERROR_PAUSES[self._server_errors]
        self._server_errors += 1
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
        return True

    def _goes_on_after(self, error: GatewayError, key: PoolKey) -> bool:
        """Where no connection could be made nothing was sent: another exit, another group may
        answer.
        """
        group = key.group
        self._attempts += 1
        self._has_other_trouble = True
        if self._exits.leads_on_after(error, key):
            is_last = self._attempts >= kept.MAX_ATTEMPTS
            return not is_last and self._parts.queue.has_other(self._wish)
        self._wish.failed_groups.add(group.id)
        is_unsent = group.policy == RateLimitPolicy.QUOTA_AWARE and not error.is_sent
        return is_unsent and self._parts.queue.has_other(self._wish)

    def _last_answer(self, error: GatewayError) -> Attempt:
        """An upstream's word, even a refusal, tells the client more than the gateway's."""
        if self._empty is not None:
            return self._empty
        if self._refused is None:
            raise error
        add_retry_after(self._parts.snapshot, self._request, self._refused, time.time())
        return self._refused
