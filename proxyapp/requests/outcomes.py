"""What a client saw of its request's end: the one table of it."""

from proxyapp.provider.kind_spec import Retry
from proxyapp.provider.kinds import SPECS
from proxyapp.requests.record import ClientOutcome
from proxyapp.vocabulary.errors import GatewayError, LimitReached, NoKeyAvailable

# The first that it is. All others go by their status.
OF_ERRORS = ((LimitReached, ClientOutcome.CLIENT_LIMIT), (NoKeyAvailable, ClientOutcome.NO_KEY))


def outcome_of_error(error: GatewayError) -> ClientOutcome:
    for kind, outcome in OF_ERRORS:
        if isinstance(error, kind):
            return outcome
    return _of_status(error.status)


def outcome_of_answer(status: int, verdict: str) -> ClientOutcome:
    """Of an upstream's, as it was relayed. `verdict`: what it meant, if it was judged.

    A quota that is used up, or a key that is no good, is no mistake of the client's.
    """
    spec = SPECS.get(verdict) if 400 <= status < 500 else None
    if spec is None:
        return ClientOutcome.NO_KEY if status == 429 else _of_status(status)
    if spec.is_of_way or spec.retry is Retry.BACK_OFF:
        return ClientOutcome.UPSTREAM
    is_of_request = spec.retry is Retry.RELAY or spec.needs_proof
    return ClientOutcome.CLIENT_ERROR if is_of_request else ClientOutcome.NO_KEY


def _of_status(status: int) -> ClientOutcome:
    if status < 400:
        return ClientOutcome.OK
    return ClientOutcome.CLIENT_ERROR if status < 500 else ClientOutcome.UPSTREAM
