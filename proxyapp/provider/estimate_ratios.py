"""How far estimates of requests' input are off, by model, as the answers lately have shown.

Other languages, pictures and long contexts that are only named cost more or less than bytes say.
"""

# Old answers fade: twenty later they weigh a third. One long request weighs no more than so much,
# so that no client's odd prompts speak for the others'.
FADING = 0.95
MOST_LLM_TOKENS = 10_000.0
# As if so much had been estimated rightly before: a few short prompts prove little.
BEGINNING = 2_000.0
FARTHEST = 4.0
# Clients name models.
MOST_MODELS = 500


class EstimateRatios:
    """Of one process. The ratio of a model lies within FARTHEST of 1."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def applied(self, model: str, estimated: int) -> int:
        sums = self._sums.get(model)
        if sums is None:
            return estimated
        guessed, told = sums
        ratio = min(max(told / guessed, 1 / FARTHEST), FARTHEST)
        return max(1, round(estimated * ratio)) if estimated else 0

    def learn(self, model: str, estimated: int, told: int) -> None:
        """What was estimated, and what the answer said. Both are more than nothing."""
        guessed_before, told_before = self._sums.pop(model, (BEGINNING, BEGINNING))
        weight = min(estimated, MOST_LLM_TOKENS)
        off = min(max(told / estimated, 1 / FARTHEST), FARTHEST)
        self._sums[model] = (
            guessed_before * FADING + weight,
            told_before * FADING + weight * off,
        )
        if len(self._sums) > MOST_MODELS:
            del self._sums[next(iter(self._sums))]
