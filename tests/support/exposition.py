"""An answer of `/metrics` that has a sample of everything, made up."""

from proxyapp.metrics import counts as names
from proxyapp.metrics import families
from proxyapp.metrics.counts import Counts
from proxyapp.metrics.families import MetricsAnswer
from proxyapp.metrics.tally import KINDS
from proxyapp.requests.record import ClientOutcome
from proxyapp.vocabulary.key_states import KeyState


def full_counts(models: int = 1) -> Counts:
    """`models`: so many, each with every outcome."""
    named = [f"gemini-{number}-flash" for number in range(models)]
    counts: Counts = {
        names.REQUESTS: {
            ("main", model, str(outcome)): [3.0] for model in named for outcome in ClientOutcome
        },
        names.ATTEMPTS: {("main", "succeeded"): [3.0]},
        names.LLM_TOKENS: {(model, kind): [7.0] for model in named for kind in KINDS},
        names.COST: {(model,): [1_250_000] for model in named},
    }
    for name, (_, _, labels, bounds) in families.HISTOGRAMS.items():
        places = [(model,) for model in named] if labels else [()]
        counts[name] = {place: [*[1.0] * (len(bounds) + 1), 2.5] for place in places}
    return counts


def full_answer(models: int = 1) -> MetricsAnswer:
    return MetricsAnswer(
        counts=full_counts(models),
        present=dict.fromkeys(families.PRESENT, 1.0),
        keys={("main", str(state)): 2 for state in KeyState},
        quotas=[("p1", "gemini-0-flash", "requests_per_day", 3, 250)],
        server="daphne",
    )
