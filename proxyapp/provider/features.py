"""Tools and features with quotas of their own: which one a request uses, and which one a quota is
of.

A free key has no quota for Google Search, say, and answers the same model without it. Such a
refusal says nothing of requests that do not use the feature. A feature's quota scope is
`model+feature`; what holds for the model holds for it, too.
"""

import re
from dataclasses import dataclass

SEPARATOR = "+"


@dataclass(frozen=True, slots=True)
class Feature:
    """`fields`: of a request's body, as keys of JSON or as the `type` of a tool. `quotas`: words of
    a quota's id or metric, in lower case without separators.
    """

    name: str
    fields: tuple[str, ...]
    quotas: tuple[str, ...]


FEATURES = (
    Feature(
        "google_search",
        (
            "google_search", "googleSearch", "google_search_retrieval", "googleSearchRetrieval",
            "web_search_options", "web_search", "enterpriseWebSearch", "enterprise_web_search",
        ),
        ("grounding", "googlesearch", "websearch", "searchquer", "searchrequest"),
    ),
    Feature("google_maps", ("google_maps", "googleMaps"), ("googlemaps", "mapsgrounding")),
    Feature("url_context", ("url_context", "urlContext"), ("urlcontext",)),
    Feature("file_search", ("file_search", "fileSearch"), ("filesearch", "filestorage")),
    Feature("code_execution", ("code_execution", "codeExecution"), ("codeexecution",)),
    Feature("computer_use", ("computer_use", "computerUse"), ("computeruse",)),
    Feature(
        "cached_content",
        ("cached_content", "cachedContent"),
        ("cachedcontent", "cachestorage", "contextcach"),
    ),
    Feature("batch", (), ("batch", "enqueued")),
    Feature("image", (), ("image", "imagen")),
    Feature("video", (), ("video", "veo")),
    Feature("audio", (), ("audio", "speech", "tts")),
)  # fmt: skip

_NAMES = {name: feature.name for feature in FEATURES for name in feature.fields}
_ANY = "|".join(sorted(_NAMES, key=len, reverse=True))
# Inside a JSON string the quotes would be escaped, so this finds real keys and values.
_USED = re.compile(rf'(?<!\\)"(?:({_ANY})"\s*:|type"\s*:\s*"({_ANY})(?:_\d+|_preview)?")'.encode())
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def feature_of_request(body: bytes) -> str:
    """The first in the body's order of the table; empty when it uses none."""
    used = {_NAMES[(found[1] or found[2]).decode()] for found in _USED.finditer(body)}
    return next((feature.name for feature in FEATURES if feature.name in used), "")


def feature_of_quota(words: str) -> str:
    """Of a quota's id and metric; empty when they name none, so that it is the model's."""
    plain = _SEPARATORS.sub("", words.lower())
    return next(
        (feature.name for feature in FEATURES if any(word in plain for word in feature.quotas)), ""
    )


def feature_scope(quota_scope: str, feature: str) -> str:
    return f"{quota_scope}{SEPARATOR}{feature}" if feature else quota_scope


def plain_scope(quota_scope: str) -> str:
    """Without the feature."""
    return quota_scope.partition(SEPARATOR)[0]
