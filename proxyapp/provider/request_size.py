"""How many LLM tokens a request's body is at least about, without a full parse.

A prompt that is larger than a minute's quota is refused by every key, and always will be: comparing
its size with the limit that a refusal names tells so after one refusal.
"""

import re

BYTES_A_LLM_TOKEN = 4  # of English text; other languages and code take fewer
# Images, audio and documents cost tokens by their own rates, not by their bytes.
INLINE = re.compile(
    rb'"(?:data|b64_json|image_url|url)"\s*:\s*(?:\{\s*"url"\s*:\s*)?"[^"\\]{256,}"'
)


def estimated_llm_tokens(searchable: bytes, length: int) -> int:
    """`searchable`: the body, or the two ends of a long one; `length`: of all of it, in bytes.

    Of a long body that holds inline data nothing is known: 0.
    """
    inline = sum(len(found[0]) for found in INLINE.finditer(searchable))
    if length > len(searchable):
        return 0 if inline or _looks_inline(searchable) else length // BYTES_A_LLM_TOKEN
    return (length - inline) // BYTES_A_LLM_TOKEN


def _looks_inline(searchable: bytes) -> bool:
    return re.search(rb"[A-Za-z0-9+/=_-]{2048}", searchable) is not None
