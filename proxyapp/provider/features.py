"""Tools and features with quotas of their own: which ones a request uses, and which one a quota is
of.

A free key has no quota for Google Search, say, and answers the same model without it. Such a
refusal says nothing of requests that do not use the feature. A feature's quota scope is
`model+feature`; what holds for the model holds for it, too.
"""

import re
from dataclasses import dataclass

SEPARATOR = "+"
LONGEST_SCOPE = 100  # the column's


@dataclass(frozen=True, slots=True)
class Feature:
    """`fields`: of a request's body, as keys of JSON or as the `type` of a tool. `quotas`: words of
    a quota's id or metric, in lower case without separators. `own`: what quota scopes are for
    nothing else have in their names.
    """

    name: str
    fields: tuple[str, ...]
    quotas: tuple[str, ...]
    own: tuple[str, ...] = ()


FEATURES = (
    Feature(
        "google_search",
        (
            "google_search", "googleSearch", "google_search_retrieval", "googleSearchRetrieval",
            "web_search_options", "web_search", "enterpriseWebSearch", "enterprise_web_search",
        ),
        ("grounding", "googlesearch", "websearch", "searchquer", "searchrequest", "searchtool"),
    ),
    Feature(
        "google_maps", ("google_maps", "googleMaps"), ("googlemaps", "mapsgrounding", "mapstool")
    ),
    Feature("url_context", ("url_context", "urlContext"), ("urlcontext",)),
    Feature(
        "file_search",
        ("file_search", "fileSearch"),
        ("filesearch", "filestorage", "storagebytes", "ragstor"),
        ("/files", "/fileSearchStores"),
    ),
    Feature("code_execution", ("code_execution", "codeExecution"), ("codeexecution",)),
    Feature("computer_use", ("computer_use", "computerUse"), ("computeruse",)),
    Feature(
        "cached_content",
        ("cached_content", "cachedContent"),
        ("cachedcontent", "cachestorage", "contextcach", "cachedtoken"),
        ("/cachedContents",),
    ),
    Feature("batch", (), ("batch", "enqueued"), ("batch", "asyncBatch")),
    Feature("image", ("imageConfig", "image_config"), ("image", "imagen"), ("image", "imagen")),
    Feature("video", (), ("video", "veo"), ("video", "veo-")),
    Feature(
        "audio",
        ("speechConfig", "speech_config"),
        ("audio", "speech", "tts"),
        ("audio", "tts", "speech", "lyria"),
    ),
)  # fmt: skip

_NAMES = {name: feature.name for feature in FEATURES for name in feature.fields}
_ANY = "|".join(sorted(_NAMES, key=len, reverse=True))
# Inside a JSON string the quotes would be escaped, so this finds real keys and values. What begins
# with one letter is found much faster than what first looks back.
_BEGIN = "".join(sorted({name[0] for name in (*_NAMES, "type")}))
_USED = re.compile(
    rf'"(?=[{_BEGIN}])(?<!\\")'
    rf'(?:({_ANY})"\s*:|type"\s*:\s*"({_ANY})(?:_\d+|_preview)?(?:_\d+)*")'.encode()
)
_MODALITIES = re.compile(rb'"(?<!\\")(?:response_?m|m)odalities"\s*:\s*\[([^\]]{1,100})', re.I)
_SEPARATORS = re.compile(r"[^a-z0-9]+")
# The embeddings' quota counts calls of this method like any other.
_NO_BATCH = "batchembedcontents"
_OF_MODEL = re.compile(r"generaterequests|generatecontent|embedcontent|predict|interaction|bidi")


def features_of_request(body: bytes) -> tuple[str, ...]:
    """In the order of the table."""
    used = {_NAMES[(found[1] or found[2]).decode()] for found in _USED.finditer(body)}
    for found in _MODALITIES.finditer(body):
        used |= {name for name in ("image", "video", "audio") if name.encode() in found[1].lower()}
    return tuple(feature.name for feature in FEATURES if feature.name in used)


def feature_of_quota(words: str) -> str:
    """Of a quota's id and metric; empty when they name none, so that it is the model's."""
    plain = _SEPARATORS.sub("", words.lower()).replace(_NO_BATCH, "")
    return next(
        (feature.name for feature in FEATURES if any(word in plain for word in feature.quotas)), ""
    )


def is_quota_of_model(words: str) -> bool:
    """Whether a quota's id and metric say plainly that it counts requests or tokens of a model."""
    return _OF_MODEL.search(_SEPARATORS.sub("", words.lower())) is not None


def is_for_nothing_else(quota_scope: str, feature: str) -> bool:
    """Whether a quota of the feature is the scope's own: that of an image model, say."""
    own = next(each.own for each in FEATURES if each.name == feature)
    return any(word in quota_scope for word in own)


def feature_scope(quota_scope: str, feature: str) -> str:
    """The scope itself where the name is longer than that of any model that there is."""
    scope = f"{quota_scope}{SEPARATOR}{feature}"
    return scope if feature and len(scope) <= LONGEST_SCOPE else quota_scope


def feature_of(quota_scope: str) -> str:
    """Empty when it has none."""
    return quota_scope.partition(SEPARATOR)[2]


def plain_scope(quota_scope: str) -> str:
    """Without the feature."""
    return quota_scope.partition(SEPARATOR)[0]
