"""What a turn took of its key's limits, until it is known what the request came to."""

from typing import Protocol

from proxyapp.provider.estimate_ratios import EstimateRatios
from proxyapp.provider.llm_tokens import LlmTokens


class Charge(Protocol):
    """What the keeper of limits gave; ended or cancelled once."""

    def end(self, llm_tokens: LlmTokens, *, is_counted: bool) -> None:
        """`is_counted`: the provider takes it from its quota, as it does not what it refused."""

    def cancel(self) -> None:
        """It was never sent."""


class TurnCharge:
    """Of a turn, with which its key may be asked more than once: the last answer counts.

    It ends when that has, but not before the asking is over: `settle`.
    """

    def __init__(
        self, charge: Charge, ratios: EstimateRatios, quota_scope: str, estimated: int | None
    ) -> None:
        """`estimated`: how many LLM tokens of input, before the ratio; None: nobody asked."""
        self._charge: Charge | None = charge
        self._ratios = ratios
        self._quota_scope = quota_scope
        self._estimated = estimated
        self._is_settled = False
        self._is_ended = False
        self._llm_tokens: LlmTokens | None = None
        self._is_counted = False

    def begin(self) -> None:
        """It is asked, maybe once more: what it came to before does not count."""
        self._is_ended, self._llm_tokens = False, None

    def end(self, llm_tokens: LlmTokens | None, *, is_counted: bool = True) -> None:
        """What an answer came to. None: it was never asked for."""
        self._llm_tokens, self._is_counted, self._is_ended = llm_tokens, is_counted, True
        if self._is_settled:
            self._close()

    def settle(self, *, is_over: bool) -> None:
        """It is not asked again. `is_over`: nor will an answer end it."""
        self._is_settled = True
        if is_over or self._is_ended:
            self._close()

    def _close(self) -> None:
        charge, self._charge = self._charge, None
        if charge is None:
            return
        llm_tokens = self._llm_tokens
        if llm_tokens is None:
            charge.cancel()
            return
        charge.end(llm_tokens, is_counted=self._is_counted)
        if self._estimated and self._is_counted and llm_tokens.prompt:
            self._ratios.learn(self._quota_scope, self._estimated, llm_tokens.prompt)
