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
from proxyapp.resources.names import is_of_requests, resource_path
from proxyapp.vocabulary.client_paths import VERSION, ClientPath, client_path
from proxyapp.vocabulary.remembered import remembered

MODEL_LIST = re.compile(rb"/+%b/+(?:openai/+)?models/?" % VERSION)
# These have quotas of their own, whatever model they name.
OWN_QUOTA = re.compile(rb":(countTokens|batchGenerateContent|asyncBatchEmbedContent)$")


@dataclass(frozen=True, slots=True)
class PathFacts:
    """`is_call`: a model is asked when something is posted to it. `model`: None, if it names none.

    `own_quota`: what is added to the model where the method has a quota of its own. `is_geminis`:
    for a target that speaks Gemini's API, too, the path is what it is. `resource`: what belongs to
    a key and is named; `is_whole`: the path is nothing but its name. `is_making`: a POST there
    makes such a thing; `is_list`: a GET there lists them; `tells_results`: one there may tell of
    others. `is_upload`: what is made there may come in parts. `is_asked_once`: another key could
    not answer, or would make it twice. `is_of_many`: its body holds requests.
    """

    path: bytes
    means: ClientPath
    is_geminis: bool
    is_astray: bool
    is_openai: bool
    is_call: bool
    resource: str | None
    is_whole: bool
    tells_results: bool
    is_making: bool
    is_list: bool
    is_asked_once: bool
    is_of_many: bool
    is_of_no_model: bool
    is_model_list: bool
    is_upload: bool
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
        if self.is_of_no_model or not model:
            return self.endpoint_scope
        return quota_scope(self.path, model) + self.own_quota


@remembered
def facts_of(path: bytes) -> PathFacts:
    plain = unquote_to_bytes(path) if b"%" in path else path
    name, own = name_in_path(path), OWN_QUOTA.search(plain)
    means = client_path(path)
    asked, asks_model = resource_path(path), is_call(path)
    kind = asked.kind
    return PathFacts(
        path=path,
        means=means,
        is_geminis=(means.native == path and means.openai is None) or means.openai == path,
        is_astray=leads_astray(path),
        is_openai=is_of_openai_api(path),
        is_call=asks_model,
        resource=asked.name,
        is_whole=asked.is_whole,
        tells_results=asked.is_whole and kind is not None and kind.tells_results,
        is_making=asked.makes is not None,
        is_list=asked.is_collection and kind is not None and bool(kind.listed),
        is_asked_once=asked.name is not None or (asked.makes is not None and not asks_model),
        is_of_many=is_of_requests(path),
        is_of_no_model=asked.is_operation or (kind is not None and kind.asks_no_model),
        is_model_list=MODEL_LIST.fullmatch(plain) is not None,
        is_upload=asked.is_upload,
        model=normal_name(name) if name else None,
        own_quota=f":{own[1].decode()}" if own else "",
        endpoint_scope=quota_scope(path, ""),
    )
