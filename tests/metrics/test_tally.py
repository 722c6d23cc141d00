"""What one process counts of the requests that it hears of."""

from proxyapp.metrics.counts import (
    ATTEMPTS,
    COST,
    DURATION,
    FIRST_BYTE,
    LLM_TOKENS,
    REQUESTS,
    Counts,
)
from proxyapp.metrics.tally import MOST_MODELS, OTHER, SWITCHED, RequestTally
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.requests.record import ClientOutcome, RequestRecord
from tests.support.attempted_records import attempted

FLASH = "gemini-2.5-flash"


def counted(*records: RequestRecord) -> Counts:
    tally = RequestTally()
    tally.groups = {"main"}
    for record in records:
        tally.hear(record)
    return tally.counts()


def test_requests_count_by_what_the_client_saw_and_attempts_by_their_verdicts():
    counts = counted(
        attempted(verdicts=("minute", "succeeded")),
        attempted(),
        attempted(outcome=ClientOutcome.NO_KEY, status=429, verdicts=("minute",)),
    )

    assert counts[REQUESTS] == {("main", FLASH, "ok"): [2], ("main", FLASH, "no_key"): [1]}
    assert counts[ATTEMPTS] == {("main", "minute"): [2], ("main", "succeeded"): [2]}


def test_times_llm_tokens_and_costs_count_by_model():
    used = LlmTokens(10, 20, 5, 3, 0)
    counts = counted(
        attempted(llm_tokens=used, cost_micros=1_250), attempted(llm_tokens=used, cost_micros=None)
    )

    assert counts[LLM_TOKENS] == {
        (FLASH, "prompt"): [20],
        (FLASH, "output"): [40],
        (FLASH, "cached"): [10],
        (FLASH, "thoughts"): [6],
    }
    assert counts[COST] == {(FLASH,): [1_250]}
    assert counts[FIRST_BYTE][(FLASH,)][0] == 2, "0.1 s is within the first bound"
    assert counts[DURATION][(FLASH,)][-1] == 0.4


def test_what_never_reached_an_upstream_says_nothing_of_how_quick_it_is():
    counts = counted(attempted(outcome=ClientOutcome.CLIENT_ERROR, status=401, verdicts=()))

    assert counts[REQUESTS] == {("main", OTHER, "client_error"): [1]}
    assert counts[DURATION] == {}


def test_a_live_session_is_no_slow_request():
    counts = counted(attempted(status=SWITCHED, seconds=3600.0))

    assert sum(counts[DURATION][(FLASH,)]) == 0
    assert counts[REQUESTS] == {("main", FLASH, "ok"): [1]}


def test_clients_name_no_models_and_no_groups_that_there_are_not():
    refused = [
        attempted(f"made-up-{number}", ClientOutcome.CLIENT_ERROR, status=404)
        for number in range(500)
    ]
    strange = attempted(model="", group="not-there", verdicts=(), status=404)
    counts = counted(*refused, attempted("x" * 1000), strange, attempted())

    assert {model for _, model, _ in counts[REQUESTS]} == {"", FLASH, OTHER}
    assert {group for group, _, _ in counts[REQUESTS]} == {"main", ""}


def test_models_beyond_a_bound_count_together():
    counts = counted(*(attempted(f"model-{number}") for number in range(MOST_MODELS + 50)))

    assert len(counts[DURATION]) <= MOST_MODELS + 1
    assert sum(count for (count,) in counts[REQUESTS].values()) == MOST_MODELS + 50
    assert counts[REQUESTS][("main", OTHER, "ok")] == [50]
