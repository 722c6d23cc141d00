"""What clients see of the ends of their requests."""

import pytest

from proxyapp.requests.outcomes import outcome_of_answer, outcome_of_error
from proxyapp.requests.record import ClientOutcome
from proxyapp.vocabulary import errors


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (errors.PreflightAsked("GET", ""), ClientOutcome.OK),
        (errors.BadRequest(""), ClientOutcome.CLIENT_ERROR),
        (errors.Unauthorized(""), ClientOutcome.CLIENT_ERROR),
        (errors.UnknownModel(""), ClientOutcome.CLIENT_ERROR),
        (errors.LimitReached(""), ClientOutcome.CLIENT_LIMIT),
        (errors.TooManyBadTokens(""), ClientOutcome.CLIENT_LIMIT),
        (errors.NoKeyAvailable(""), ClientOutcome.NO_KEY),
        (
            errors.KeysSpent("", retry_after=1, is_worth_trying=True, last_words=""),
            ClientOutcome.NO_KEY,
        ),
        (errors.ProxyFailed(""), ClientOutcome.UPSTREAM),
        (errors.UpstreamTimedOut(""), ClientOutcome.UPSTREAM),
        (errors.LoopFound(""), ClientOutcome.UPSTREAM),
    ],
)
def test_the_gateways_own_errors(error: errors.GatewayError, outcome: ClientOutcome) -> None:
    assert outcome_of_error(error) is outcome


@pytest.mark.parametrize(
    ("status", "verdict", "outcome"),
    [
        (200, "succeeded", ClientOutcome.OK),
        (302, "succeeded", ClientOutcome.OK),
        (400, "request", ClientOutcome.CLIENT_ERROR),
        (404, "client_errors", ClientOutcome.CLIENT_ERROR),
        (403, "wrong_key", ClientOutcome.CLIENT_ERROR),
        (400, "dead_key", ClientOutcome.NO_KEY),
        (403, "egress", ClientOutcome.UPSTREAM),
        (401, "proxy_fault", ClientOutcome.UPSTREAM),
        (429, "too_large", ClientOutcome.CLIENT_ERROR),
        (429, "rate_limited", ClientOutcome.NO_KEY),
        (503, "server", ClientOutcome.UPSTREAM),
    ],
)
def test_what_upstreams_say(status: int, verdict: str, outcome: ClientOutcome) -> None:
    assert outcome_of_answer(status, verdict) is outcome
