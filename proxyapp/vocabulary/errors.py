"""What the gateway itself answers when it cannot relay an upstream's answer.

GatewayError
├── PreflightAsked      204  no error: a browser asks whether another site may send one
├── BadRequest          400  the request cannot be forwarded
├── Unauthorized        401  no client token, or one that is not good
├── NotAllowed          403  not for this client: a group, a model, a page of another site
├── UnknownGroup        404  /g/<name>/ names no group
├── UnknownModel        404  no group has it
├── UnknownPath         404  neither Gemini's nor OpenAI's API has it
├── UnknownResource     404  a file, say, that another client made
├── UnknownUpload       404  an upload id that is none of this gateway's, or another client's
├── BodyTooLarge        413
├── LimitReached        429  a limit of the client token
│   └── TooManyBadTokens  429  from this address
├── UpstreamFailed      502  no connection, a broken answer
│   └── ProxyFailed     502  the group's proxy is down or refuses
├── NoKeyAvailable      503  there is none, or all are disabled or invalid
│   └── KeysSpent       429  the keys that there are wait for their quotas
├── BodyNotKept         503  the temporary directory does not take the body, or give it back
│   └── NoRoomForBody   507  it is full
├── UpstreamTimedOut    504  no connection or no byte in time
└── LoopFound           508  the target of the group is this gateway

StreamBroken is no answer: the upstream died after the response had begun, so the client's stream
has to break too.
"""

import json

from proxyapp.vocabulary.client_paths import Dialect

GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    414: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    431: "INVALID_ARGUMENT",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    507: "UNAVAILABLE",
    508: "FAILED_PRECONDITION",
}
ANTHROPIC_TYPE = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
OPENAI_TYPE = {401: "authentication_error", 429: "rate_limit_error"}


class GatewayError(Exception):
    status = 500
    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        retry_after: int | None = None,
        is_worth_trying: bool = True,
        is_sent: bool = True,
    ) -> None:
        """`is_worth_trying` False tells clients not to try again.

        `is_sent` False: no upstream heard of the request.
        """
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.is_worth_trying = is_worth_trying
        self.is_sent = is_sent
        self.last_words = ""


class PreflightAsked(GatewayError):
    status = 204

    def __init__(self, method: str, headers: str, reader: str = "*") -> None:
        """`headers`: their names, separated by commas. `reader`: the origin that may ask."""
        super().__init__("")
        self.method = method
        self.headers = headers
        self.reader = reader


class BadRequest(GatewayError):
    status = 400
    code = "bad_request"


class PathTooLong(GatewayError):
    status = 414
    code = "path_too_long"


class Unauthorized(GatewayError):
    status = 401
    code = "invalid_api_key"


class NotAllowed(GatewayError):
    """`asked`: the model that it is about, or `/g/` and the group; empty where none is named."""

    status = 403
    code = "not_allowed"
    asked = ""


class LimitReached(GatewayError):
    status = 429
    code = "rate_limit_exceeded"


class TooManyBadTokens(LimitReached):
    code = "too_many_bad_tokens"


class UnknownGroup(GatewayError):
    status = 404
    code = "unknown_group"


class UnknownModel(GatewayError):
    status = 404
    code = "model_not_found"  # OpenAI's word


class UnknownPath(GatewayError):
    status = 404
    code = "unknown_path"


class UnknownResource(GatewayError):
    status = 404
    code = "unknown_resource"


class UnknownUpload(GatewayError):
    status = 404
    code = "unknown_upload"


class BodyTooLarge(GatewayError):
    status = 413
    code = "body_too_large"


class UpstreamFailed(GatewayError):
    status = 502
    code = "upstream_failed"


class ProxyFailed(UpstreamFailed):
    code = "proxy_failed"


class NoKeyAvailable(GatewayError):
    status = 503
    code = "no_key_available"


class KeysSpent(NoKeyAvailable):
    status = 429
    code = "RESOURCE_EXHAUSTED"  # the provider's word, in OpenAI's shape too

    def __init__(
        self, message: str, *, retry_after: int, is_worth_trying: bool, last_words: str
    ) -> None:
        """`last_words`: the upstream's, without a key; empty when they are not known."""
        super().__init__(message, retry_after=retry_after, is_worth_trying=is_worth_trying)
        self.last_words = last_words


class BodyNotKept(GatewayError):
    status = 503
    code = "body_not_kept"


class NoRoomForBody(BodyNotKept):
    status = 507
    code = "insufficient_storage"


class UpstreamTimedOut(GatewayError):
    status = 504
    code = "upstream_timed_out"


class LoopFound(GatewayError):
    status = 508
    code = "loop_detected"

    def __init__(self, message: str) -> None:
        super().__init__(message, is_worth_trying=False)


class StreamBroken(Exception):
    """Raised out of the ASGI application to make a server cut the connection."""


def openai_type(status: int) -> str:
    return OPENAI_TYPE.get(status, "invalid_request_error" if status < 500 else "server_error")


def error_body(
    status: int,
    message: str,
    *,
    dialect: Dialect,
    code: str | None = None,
    retry_after: int | None = None,
    last_words: str = "",
    request_id: str = "",
) -> bytes:
    """JSON in the shape that the path's clients parse.

    `last_words` of an upstream are a detail; only Google's shape has any, so that the others'
    message ends in them. `request_id`: beside the error, as Anthropic's API has it.
    """
    if dialect is not Dialect.GOOGLE and last_words:
        message = f"{message} The provider's last words: {last_words}"
    if dialect is Dialect.OPENAI:
        kind = openai_type(status)
        return _json({"message": message, "type": kind, "param": None, "code": code}, request_id)
    if dialect is Dialect.ANTHROPIC:
        kind = ANTHROPIC_TYPE.get(status, "invalid_request_error" if status < 500 else "api_error")
        return _json({"type": kind, "message": message}, request_id, type="error")
    error: dict[str, object] = {
        "code": status,
        "message": message,
        "status": GOOGLE_STATUS.get(status, "UNKNOWN"),
    }
    if details := _details(retry_after, last_words):
        error["details"] = details
    return _json(error, request_id)


def _json(error: dict[str, object], request_id: str, **before: str) -> bytes:
    """As it is read: a provider's words may hold any character, halves of some too."""
    said = before | {"error": error}
    if request_id:
        said["request_id"] = request_id
    return json.dumps(said, ensure_ascii=False).encode(errors="replace")


def _details(retry_after: int | None, last_words: str) -> list[dict[str, str]]:
    said = {"RetryInfo": {"retryDelay": f"{retry_after}s"}} if retry_after is not None else {}
    said |= {"DebugInfo": {"detail": last_words}} if last_words else {}
    types = "type.googleapis.com/google.rpc."
    return [{"@type": types + name, **more} for name, more in said.items()]
