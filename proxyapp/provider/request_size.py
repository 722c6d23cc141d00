"""How many LLM tokens a request's body is at least about, without a full parse.

A prompt that is larger than a minute's quota is refused by every key, and always will be: comparing
its size with the limit that a refusal names tells so after one refusal.
"""

import re

# The longest context, a million LLM tokens, in letters of two bytes; more is inline data.
MOST_BYTES = 8 << 20
CHARACTERS_A_LLM_TOKEN = 4  # of English text; other languages and code take fewer
# Images, audio and documents cost tokens by their own rates, not by their bytes.
INLINE = re.compile(
    rb'"(?:data|b64_json|image_url|url|file_data|bytesBase64Encoded)"\s*:\s*'
    rb'(?:\{\s*"url"\s*:\s*)?"[^"\\]{256,}"'
)
ESCAPE = re.compile(rb"\\u[0-9a-fA-F]{4}")
SPACES = re.compile(rb"[ \t\r\n]{2,}")


def estimated_llm_tokens(body: bytes) -> int:
    """Without inline data; of a body that is longer than any prompt nothing is known: 0."""
    if len(body) > MOST_BYTES:
        return 0
    # JSON's escapes are a letter each; white space, which indents, is one.
    text = SPACES.sub(b" ", ESCAPE.sub(b"?", INLINE.sub(b"", body)))
    return len(text.decode("utf-8", "ignore")) // CHARACTERS_A_LLM_TOKEN
