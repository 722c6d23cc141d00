"""Before a refusal costs a key, the gateway itself asks about the key.

What a client wrote may be repeated by the provider, or be what is refused: a refusal of its request
is no evidence.
"""

from datetime import UTC, datetime

from proxyapp.forwarding.attempt import Attempt
from proxyapp.pool.probation import Recovery
from proxyapp.provider.probing import ProbeOutcome
from proxyapp.provider.verdict import Verdict, of_an_unproven_key, of_the_request
from proxyapp.upstream.key_prober import KeyProber


class KeyTrial:
    """Of one request: it may leave one key unproven, and then tries one further key."""

    def __init__(self, prober: KeyProber, recovery: Recovery) -> None:
        self._prober = prober
        self._recovery = recovery
        self._has_left_one_unproven = False

    async def verdict(self, attempt: Attempt, judgement: Verdict | None) -> Verdict | None:
        """The judgement, if it does not condemn the key, or if the key is dead indeed."""
        if judgement is None or not judgement.kind.spec.condemns:
            return judgement
        try:
            with self._recovery.trial(attempt.key):
                found = await self._prober.outcome(attempt.key)
        except BaseException:
            await attempt.aclose()
            raise
        if found is ProbeOutcome.DEAD:
            return judgement
        if found is ProbeOutcome.WORKS or self._has_left_one_unproven:
            return of_the_request(judgement)
        self._has_left_one_unproven = True
        now = datetime.now(UTC)
        strikes = self._recovery.strikes(attempt.key, judgement.model, now.timestamp())
        return of_an_unproven_key(judgement, now, strikes)
