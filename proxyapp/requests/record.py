"""One request of a client, from its arrival to its end: what is told of it. Never a body."""

from enum import StrEnum

from mypy_extensions import mypyc_attr

from proxyapp.provider.llm_tokens import NONE, LlmTokens


class ClientOutcome(StrEnum):
    """What the client saw. Every request has exactly one."""

    OK = "ok"
    CLIENT_ERROR = "client_error"  # its own mistake: a 4xx, of the gateway's own or the provider's
    CLIENT_LIMIT = "client_limit"  # a limit of its token
    NO_KEY = "no_key"
    UPSTREAM = "upstream"  # a 5xx, no connection, a broken answer
    LEFT = "left"  # it went before the answer's end


class AttemptRecord:
    """One attempt at an upstream. `verdict`: what its refusal meant, a kind of
    `provider.kinds`, or how it ended (`ledger.usage.AttemptOutcome`). `status`: 0 without an
    answer. `began_after`: seconds from the request's arrival to its sending. `seconds`: from there
    to the head of the answer, or to its failure. `key_name`: empty where it has none.
    `model`: that it was asked for, which by an alias or a fallback is another than the request's.
    """

    __slots__ = (
        "began_after",
        "group",
        "group_id",
        "key_id",
        "key_name",
        "model",
        "project",
        "seconds",
        "status",
        "verdict",
    )

    def __init__(
        self, key_id: int, key_name: str, group_id: int, group: str, project: str, model: str = ""
    ) -> None:
        self.key_id = key_id
        self.key_name = key_name
        self.group_id = group_id
        self.group = group
        self.project = project
        self.model = model
        self.verdict = ""
        self.status = 0
        self.began_after = 0.0
        self.seconds = 0.0


@mypyc_attr(allow_interpreted_subclasses=True)
class RequestRecord:
    """`arrived_at`: seconds since the epoch. `client_id`: 0 without a token. `address`: the
    client's. `endpoint`: what kind of path it is, one of `provider.endpoints`. `model`: as asked
    for; bounded by whoever keeps it. `group`: of the key that was asked last; of none, the one that
    the path names. `first_byte_seconds`: from its arrival to the head that the client got; 0
    without one. `seconds`: to its end. `status`: what the client was told, 0 nothing; 101: a Live
    session. `error`: the code of an error of the gateway's own, empty without one. `traceparent`:
    as the client sent it, well-formed or not. `cost_micros`: None where its model has no price.
    `id`: a client may send one twice.
    """

    __slots__ = (
        "address",
        "arrived_at",
        "attempts",
        "bytes_in",
        "bytes_out",
        "client_id",
        "cost_micros",
        "endpoint",
        "error",
        "first_byte_seconds",
        "group",
        "id",
        "llm_tokens",
        "method",
        "model",
        "outcome",
        "seconds",
        "status",
        "traceparent",
    )

    def __init__(self, request_id: str, method: str, arrived_at: float) -> None:
        self.id = request_id
        self.method = method
        self.arrived_at = arrived_at
        self.client_id = 0
        self.address = ""
        self.endpoint = ""
        self.model = ""
        self.group = ""
        self.status = 0
        self.outcome = ClientOutcome.OK
        self.attempts: list[AttemptRecord] = []
        self.first_byte_seconds = 0.0
        self.seconds = 0.0
        self.bytes_in = 0
        self.bytes_out = 0
        self.llm_tokens: LlmTokens = NONE
        self.cost_micros: int | None = 0
        self.error = ""
        self.traceparent = ""
