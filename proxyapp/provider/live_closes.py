"""What it means that Google closes a Live session before it has said a word.

A reason may repeat what a client wrote: only words with which it begins are believed, and only if
the client has not written them itself. What came after the setup may be hours of it: of that is
known only whether such words may be in it.
"""

import json
import re

from proxyapp.vocabulary.close_codes import (
    BAD_GATEWAY,
    BAD_TLS,
    BUSY,
    GOING_AWAY,
    INTERNAL,
    INVALID_DATA,
    LOST,
    POLICY,
    RESTART,
)

# Whoever closes so had trouble of its own: another key may have none.
_SERVERS_OWN = {
    GOING_AWAY: 503,
    LOST: 500,
    INTERNAL: 500,
    RESTART: 503,
    BUSY: 503,
    BAD_GATEWAY: 502,
    BAD_TLS: 502,
}
# Those with which a refusal comes.
_REFUSING = {INVALID_DATA, POLICY, INTERNAL, BUSY, *range(3000, 5000)}
# With these an upstream also says what is wrong with a message, and repeats it.
_JUDGING = {INVALID_DATA, POLICY, *range(3000, 5000)}
_FRONT = r"(?:\W*(?:error|http|code|429|resource_?exhausted|status(?: code)?)\W*)*"
_QUOTA = re.compile(
    _FRONT + r"(?:you (?:have )?exceeded your (?:current )?(?:quota|rate limit|spend)"
    r"|(?:your |the |project |api )*(?:quota|rate limit)s? (?:has been |is |was )?"
    r"(?:exceeded|exhausted|reached)|resource (?:has been )?exhausted"
    r"|too many (?:requests|concurrent)|your (?:pre-?pa(?:id|yment)|billing|project has exceeded)"
    r"|request was rejected due to quota|(?:out of|insufficient|no) quota|quota[ _](?:limit )?"
    r"(?:exceeded|exhausted|reached)|(?:the )?(?:daily|minute|request|session|concurrency)s? "
    r"(?:limit|quota) (?:was |has been |is )?(?:exceeded|reached))"
    r"|\W*(?:(?:error|http|code|status)\W*)?(?:resource_?exhausted|429)\b",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(
    _FRONT + r"(?:(?:your |the |this |provided )*api[ _-]?key\b|multiple authentication credentials"
    r"|request had (?:invalid|insufficient) authentication|request is missing required auth"
    r"|permission denied: consumer|(?:your |the )?project .{0,80}(?:denied|suspended|disabled))",
    re.IGNORECASE,
)

# One of these is in each of what is believed. The last: a letter may be written so.
_TELLING = ("quota", "limit", "429", "exceeded", "exhausted", "too many", "your pre", "your bill")
_ESCAPED = "\\u00"


def status_of_close(code: int, reason: str, written: str = "") -> int | None:
    """The status of the answer that it would be over HTTP; None: it is no refusal of the key's, and
    the client's to read. `written`: what the client has sent.
    """
    if code in _REFUSING:
        if found := _QUOTA.match(reason):
            return 500 if _is_repeated(found[0], written) else 429
        if found := _CREDENTIAL.match(reason):
            return None if _is_repeated(found[0], written) else 400
    return _SERVERS_OWN.get(code)


def says_quota(code: int, reason: str, written: str = "", *, may_repeat: bool = False) -> bool:
    """`may_repeat`: the client has written later what could come back."""
    if may_repeat and code in _JUDGING:
        return False
    return status_of_close(code, reason, written) == 429


def may_tell_of_quota(text: str) -> bool:
    """Whether what a client writes could come back as words that are believed."""
    if _ESCAPED in text:
        return True
    plain = text.lower()
    return any(words in plain for words in _TELLING)


def error_of_close(status: int, reason: str) -> bytes:
    """In the shape in which refusals are judged."""
    return json.dumps({"error": {"code": status, "message": reason}}).encode()


def _is_repeated(words: str, written: str) -> bool:
    return words.strip(" \"'").lower() in written.lower()
