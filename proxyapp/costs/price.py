"""What one model's LLM tokens cost, in whole numbers: a request's cost is rounded once, so that
sums agree.
"""

from proxyapp.provider.llm_tokens import LlmTokens

# A price is for so many tokens, as providers publish it.
PER_TOKENS = 1_000_000
HALF = PER_TOKENS // 2
# More than any request costs, and the sums of many such fit into a column: upstreams say how many
# LLM tokens there were.
MOST_COST = 10**14


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
