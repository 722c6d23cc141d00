"""What is counted, in the form in which processes of a gateway tell each other."""

from collections.abc import Iterable
from operator import add

# By the name of what is counted: by its labels, numbers that add up.
Counts = dict[str, dict[tuple[str, ...], list[float]]]

REQUESTS, ATTEMPTS = "requests", "attempts"
FIRST_BYTE, DURATION = "first_byte", "duration"
LLM_TOKENS, COST = "llm_tokens", "cost"
QUEUE_WAIT, LEASE_WAIT, LOOP_LAG = "queue_wait", "lease_wait", "loop_lag"

# Seconds. Embeddings answer in tenths, thinking models in minutes.
FIRST_BYTE_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
DURATION_BOUNDS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
LAG_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def add_counts(total: Counts, more: Counts) -> None:
    for name, rows in more.items():
        into = total.setdefault(name, {})
        for labels, numbers in rows.items():
            known = into.get(labels)
            if known is None or len(known) != len(numbers):  # of another version
                into[labels] = numbers[:]
            else:
                into[labels] = list(map(add, known, numbers))


def rows_of(counts: Counts) -> dict[str, list[tuple[Iterable[str], list[float]]]]:
    """For JSON, which has no tuples as names."""
    return {name: list(rows.items()) for name, rows in counts.items()}


def counts_of(rows: dict[str, list[tuple[list[str], list[float]]]]) -> Counts:
    return {
        name: {tuple(labels): numbers for labels, numbers in found} for name, found in rows.items()
    }
