"""What one model's LLM tokens cost, in whole numbers: a request's cost is rounded once, so that
sums agree.
"""

from collections.abc import Callable
from typing import Final

from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.vocabulary.durations import DAY_SECONDS

# A price is for so many tokens, as providers publish it.
PER_TOKENS: Final = 1_000_000
HALF: Final = PER_TOKENS // 2
# More than any request costs, and the sums of many such fit into a column: upstreams say how many
# LLM tokens there were.
MOST_COST: Final = 10**14
# Clients name models. The prices of so many names are remembered.
MOST_KNOWN: Final = 10_000


class Rates:
    """Millionths of the currency's unit for a million LLM tokens. Thoughts are output, where they
    have no price of their own; what tools put in is input.
    """

    __slots__ = ("cached", "input", "output", "thoughts")

    def __init__(self, input_: int, cached: int, output: int, thoughts: int | None = None) -> None:
        self.input = input_
        self.cached = cached
        self.output = output
        self.thoughts = output if thoughts is None else thoughts


class Price:
    """`above`: with more LLM tokens of prompt than these the whole request has the rates of `long`;
    0: all prompts have the same.
    """

    __slots__ = ("above", "long", "short")

    def __init__(self, short: Rates, above: int = 0, long: Rates | None = None) -> None:
        self.short = short
        self.above = above
        self.long = short if long is None else long

    def cost_micros(self, used: LlmTokens) -> int:
        """In millionths of the currency's unit."""
        prompt, cached = used.prompt, used.cached
        rates = self.long if self.above and prompt > self.above else self.short
        total = (prompt - cached) * rates.input + cached * rates.cached + used.output * rates.output
        if rates.thoughts != rates.output:
            total += used.thoughts * (rates.thoughts - rates.output)
        cost = (total + HALF) // PER_TOKENS
        return cost if cost < MOST_COST else MOST_COST


class KnownPrices:
    """Of models that were asked for, on one day. `read`: of a model, on a day since the epoch."""

    def __init__(self, read: Callable[[str, int], Price | None]) -> None:
        self._read = read
        self._day = -1
        self._prices: dict[str, Price | None] = {}

    def of(self, model: str, now: float) -> Price | None:
        """None: it has no price. `now`: in seconds since the epoch."""
        day = int(now) // DAY_SECONDS
        if day != self._day or len(self._prices) >= MOST_KNOWN:
            self._day, self._prices = day, {}
        if model not in self._prices:
            self._prices[model] = self._read(model, day)
        return self._prices[model]
