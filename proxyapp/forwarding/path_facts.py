"""What the path of a request tells, read once for all requests of that path.

It is the path behind the group's name, as the client wrote it, without the query.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from proxyapp.forwarding.dot_segments import leads_astray
from proxyapp.provider.credentials import is_of_openai_api, is_openai_prefix
from proxyapp.provider.generating import is_call
from proxyapp.provider.model_name import name_in_path, normal_name, quota_scope
from proxyapp.vocabulary.client_paths import ClientPath, client_path
from proxyapp.vocabulary.remembered import remembered

# What belongs to the key that made it, or is made by the request: another key cannot answer, or
# would make it twice.
BOUND_TO_A_KEY = re.compile(
    rb"/upload/|:(?:batchGenerateContent|asyncBatchEmbedContent|predictLongRunning|register|import)\b"
    rb"|/(?:files|cachedContents|batches|operations|fileSearchStores|corpora|tunedModels)\b|/interactions/"
)
# These have quotas of their own, whatever model they name.
OWN_QUOTA = re.compile(rb":(countTokens|batchGenerateContent|asyncBatchEmbedContent)$")
COLLECTION = re.compile(rb"/(?:files|cachedContents|batches|operations|fileSearchStores|corpora)\b")


@dataclass(frozen=True, slots=True)
class PathFacts:
    """`is_call`: a model is asked when something is posted to it. `model`: None, if it names none.

    `own_quota`: what is added to the model where the method has a quota of its own. `is_geminis`:
    for a target that speaks Gemini's API, too, the path is what it is.
    """

    path: bytes
    means: ClientPath
    is_geminis: bool
    is_astray: bool
    is_openai: bool
    is_call: bool
    is_bound_to_a_key: bool
    is_collection: bool
    model: str | None
    own_quota: str
    endpoint_scope: str

    def is_openai_behind(self, prefix: bytes) -> bool:
        """Whether the key is looked for where OpenAI has it. `prefix`: in front of the path."""
        return self.is_openai or is_openai_prefix(prefix)

    def quota_scope(self, model: str) -> str:
        """What a quota of a request for the model counts for: nothing that it refuses may take out
        more.
        """
        if self.is_collection or not model:
            return self.endpoint_scope
        return quota_scope(self.path, model) + self.own_quota


@remembered
def facts_of(path: bytes) -> PathFacts:
    plain = unquote_to_bytes(path) if b"%" in path else path
    name, own = name_in_path(path), OWN_QUOTA.search(plain)
    means = client_path(path)
    return PathFacts(
        path=path,
        means=means,
        is_geminis=(means.native == path and means.openai is None) or means.openai == path,
        is_astray=leads_astray(path),
        is_openai=is_of_openai_api(path),
        is_call=is_call(path),
        is_bound_to_a_key=BOUND_TO_A_KEY.search(plain) is not None,
        is_collection=COLLECTION.search(plain) is not None,
        model=normal_name(name) if name else None,
        own_quota=f":{own[1].decode()}" if own else "",
        endpoint_scope=quota_scope(path, ""),
    )
