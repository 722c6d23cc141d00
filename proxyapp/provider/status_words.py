"""The HTTP status that the code of an error stands for, where a body names one instead."""

from collections.abc import Iterable

GRPC = (
    "cancelled:499 unknown:500 invalid_argument:400 deadline_exceeded:504 not_found:404 "
    "already_exists:409 permission_denied:403 resource_exhausted:429 failed_precondition:400 "
    "aborted:409 out_of_range:400 unimplemented:501 internal:500 unavailable:503 data_loss:500 "
    "unauthenticated:401"
)
OTHERS = (
    "too_many_requests:429 rate_limit_exceeded:429 rate_limit_error:429 quota_exceeded:429 "
    "insufficient_quota:429 invalid_request:400 invalid_request_error:400 bad_request:400 "
    "authentication_error:401 invalid_api_key:401 unauthorized:401 billing_error:402 "
    "payment_required:402 permission_error:403 forbidden:403 not_found_error:404 "
    "model_not_found:404 request_too_large:413 overloaded_error:529 overloaded:503 "
    "service_unavailable:503 server_error:500 internal_error:500 internal_server_error:500 "
    "api_error:500 timeout:504 timeout_error:504"
)
STATUS_OF_WORD = {
    word: int(status) for word, status in (pair.split(":") for pair in f"{GRPC} {OTHERS}".split())
}
# google.rpc.Code, which an `error` inside a body may carry instead of an HTTP status.
STATUS_OF_NUMBER = {number: int(pair[-3:]) for number, pair in enumerate(GRPC.split(), start=1)}


def status_of_code(code: object) -> int:
    if isinstance(code, str) and code.isdecimal() and len(code) == 3:
        code = int(code)
    if isinstance(code, bool) or not isinstance(code, int):
        return 0
    return code if 400 <= code < 600 else STATUS_OF_NUMBER.get(code, 0)


def status_of_words(words: Iterable[str]) -> int:
    return next((STATUS_OF_WORD[word] for word in words if word in STATUS_OF_WORD), 0)
