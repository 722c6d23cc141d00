"""What a refusal may owe to the request and not to the key: for which quota scope it counts, and
whether it counts at once.

A client may ask for more than any key gives. What that costs is its own: no other request may
lose a key by it.
"""

import re
from enum import StrEnum

from proxyapp.provider.features import (
    feature_of_quota,
    feature_scope,
    is_for_nothing_else,
    is_quota_of_model,
)
from proxyapp.provider.kind_spec import KindSpec
from proxyapp.provider.refusal import Refusal
from proxyapp.provider.request_use import RequestUse
from proxyapp.provider.size_limits import (
    LARGE_LLM_TOKENS,
    is_large,
    is_large_without_a_reason,
)
from proxyapp.provider.violations import Violation

# A page of text: who asks for no more asks for nothing dear.
MUCH_OUTPUT = 2_000
# Google names some quotas in its message alone.
_QUOTA_NAMED = re.compile(
    r"quota metric '([^'\n]{1,200})'|^(\w{1,100}(?:Per|Tier)\w{0,100}) limit exceeded"
)


class Doubt(StrEnum):
    """What of the request may be the reason, until another key has answered the same."""

    NONE = ""
    SIZE = "size"
    FEATURE = "feature"
    MONEY = "money"

    @property
    def is_booked(self) -> bool:
        """At once: a feature's cooldown concerns nobody else."""
        return self in (Doubt.NONE, Doubt.FEATURE)

    @property
    def ends_search(self) -> bool:
        """When a second project says the same. Accounts have different money."""
        return self in (Doubt.SIZE, Doubt.FEATURE)


def quota_words(refusal: Refusal, decisive: Violation) -> str:
    """The quota's name; empty when the refusal has none."""
    words = decisive.words.strip()
    if words:
        return words
    found = _QUOTA_NAMED.search(refusal.message)
    return (found[1] or found[2]) if found else ""


def scope_of(model: str, words: str, use: RequestUse) -> str:
    """What of the model a quota of this name counts for; one without a name, no more than what the
    request uses.
    """
    if not model:
        return ""
    feature = feature_of_quota(words)
    if feature and feature not in use.features and is_for_nothing_else(model, feature):
        return model
    if not feature and use.features and not is_quota_of_model(words):
        feature = use.features[0]
    return feature_scope(model, feature)


def doubt_of(spec: KindSpec, refusal: Refusal, words: str, use: RequestUse) -> Doubt:
    if spec.widens_to and use.output_llm_tokens >= MUCH_OUTPUT:
        return Doubt.MONEY
    if spec.widens_to and use.llm_tokens >= LARGE_LLM_TOKENS:
        return Doubt.MONEY
    if spec.is_decisive is None or any(violation.is_zero for violation in refusal.violations):
        return Doubt.NONE
    if is_large(refusal, use.llm_tokens) or is_large_without_a_reason(refusal, use.llm_tokens):
        return Doubt.SIZE
    return Doubt.FEATURE if use.features and not words else Doubt.NONE
