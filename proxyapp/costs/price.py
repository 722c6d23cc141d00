"""What one model's LLM tokens cost, in whole numbers: a request's cost is rounded once, so that
sums agree.
"""

from proxyapp.provider.llm_tokens import LlmTokens

# A price is for so many tokens, as providers publish it.
PER_TOKENS = 1_000_000
HALF = PER_TOKENS // 2


class Rates:
    """Millionths of the currency's unit for a million LLM tokens. Thoughts are output, what tools
    put in is input.
    """

    __slots__ = ("cached", "input", "output")

    def __init__(self, input_: int, cached: int, output: int) -> None:
        self.input = input_
        self.cached = cached
        self.output = output


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
        return (total + HALF) // PER_TOKENS
