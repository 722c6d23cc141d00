"""Whether a refusal may be about the request's own size: limits of LLM tokens, and what they let
through.
"""

import re

from proxyapp.provider.refusal import Refusal
from proxyapp.provider.refusal_words import QUOTED
from proxyapp.provider.violations import Violation

# Of a limit of LLM tokens that the refusal does not name. The smallest of a free key is some 15,000
# a minute, the usual one 250,000: below that it is rather others who used it up.
LARGE_LLM_TOKENS = 20_000
# Where nothing is said of LLM tokens at all.
LARGE_WITHOUT_A_REASON = 100_000

# Of English; of other texts an estimate is rather too low.
TOO_HIGH = 1.1

_LLM_TOKENS = re.compile(r"token|\bTP[MD]\b", re.IGNORECASE)
_OTHERS = re.compile(r"output|requests? per|completion|candidates", re.IGNORECASE)
_REQUESTED = re.compile(r"\b[Rr]equested(?:: ?|=| )(\d{1,15}(?:,\d{3}){0,5})")


def is_larger_by_itself(refusal: Refusal, llm_tokens: int) -> bool:
    """Than one of the limits that the refusal names: then it fits no key's, however long it waits.

    A limit of nothing is no question of size. What the provider says of the size comes first: an
    estimate may be a little too high.
    """
    limits = _limits(refusal)
    stated = _REQUESTED.search(QUOTED.sub("", refusal.message))
    size = float(stated[1].replace(",", "")) if stated else llm_tokens / TOO_HIGH
    return any(0 < limit < size for limit in limits)


def is_large(refusal: Refusal, llm_tokens: int) -> bool:
    """Whether the size may be why: half of the limit, or much where the limit is not named."""
    if not _is_about_llm_tokens(refusal):
        return False
    limits = [limit for limit in _limits(refusal) if limit > 0]
    return llm_tokens >= (min(limits) / 2 if limits else LARGE_LLM_TOKENS)


def is_large_without_a_reason(refusal: Refusal, llm_tokens: int) -> bool:
    is_reason = refusal.windows or any(violation.words.strip() for violation in refusal.violations)
    return not is_reason and llm_tokens >= LARGE_WITHOUT_A_REASON


def _is_about_llm_tokens(refusal: Refusal) -> bool:
    """Not when the number of requests was exceeded, too."""
    named = [violation.words for violation in refusal.violations if violation.words.strip()]
    return all(map(_counts_input, named or [QUOTED.sub("", refusal.message)]))


def _counts_input(words: str) -> bool:
    return _LLM_TOKENS.search(words) is not None and _OTHERS.search(words) is None


def _limits(refusal: Refusal) -> list[float]:
    """Of LLM tokens that are sent. A number without a name is one where the words speak of no
    other.
    """
    is_alone = len(refusal.violations) == 1
    return [
        _number(violation)
        for violation in refusal.violations
        if (violation.words.strip() and _counts_input(violation.words))
        or (is_alone and not violation.words.strip() and _is_about_llm_tokens(refusal))
    ]


def _number(violation: Violation) -> float:
    try:
        return float(violation.limit.replace(",", ""))
    except ValueError:
        return 0.0
