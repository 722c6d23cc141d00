"""What of a request can be the reason why it is refused. It is looked at when one is."""

import re
from dataclasses import dataclass

from proxyapp.provider.features import features_of_request
from proxyapp.provider.request_size import estimated_llm_tokens

_OUTPUT = re.compile(
    rb'"(?<!\\")(?:max_tokens|max_completion_tokens|max_output_tokens|maxOutputTokens)"\s*:\s*(\d{1,9})'
)


@dataclass(frozen=True, slots=True)
class RequestUse:
    """`features`: those with quotas of their own. `llm_tokens`: about how many it sends at least; 0
    when that is not known. `output_llm_tokens`: the most that it wants to get.
    """

    features: tuple[str, ...] = ()
    llm_tokens: int = 0
    output_llm_tokens: int = 0


UNKNOWN_USE = RequestUse()


def use_of(searchable: bytes, whole: bytes) -> RequestUse:
    """`searchable`: the body, or the two ends of a long one."""
    return RequestUse(
        features_of_request(searchable),
        estimated_llm_tokens(whole),
        max((int(found[1]) for found in _OUTPUT.finditer(searchable)), default=0),
    )
