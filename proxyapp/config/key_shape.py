"""What a key looks like: how to find it in prose, and when to doubt that a text in its place is
one.
"""

import re
from collections.abc import Iterator

from proxyapp.vocabulary.checks import is_placeholder

MIN_LENGTH, MAX_LENGTH, MIN_LENGTH_IN_PROSE = 16, 300, 20
MIN_MIXED_PART = 4

TOKEN = re.compile(r"[A-Za-z0-9_.-]+")
OF_PROVIDER = re.compile(
    r"(?<![A-Za-z0-9_.-])(?:AIza|AQ\.|sk-(?=[A-Za-z_.-]*\d))[A-Za-z0-9_.-]{12,}"
)
BETWEEN_WORDS = re.compile(r"[\s,;\"'()<>]+")


def words_like_keys(line: str) -> Iterator[str]:
    """Those of a known provider also within URLs; of others none that is a part of a URL or an
    address.
    """
    for word in BETWEEN_WORDS.split(line):
        is_address = "://" in word or "@" in word
        tokens = OF_PROVIDER.findall(word) if is_address else TOKEN.findall(word)
        yield from (
            token for token in (found.strip(".-_") for found in tokens) if _looks_like_a_key(token)
        )


def doubt(secret: str) -> str:
    """Why it is more likely something else than a key; empty for what looks like one."""
    if len(secret) < MIN_LENGTH:
        return f"has {len(secret)} characters; keys have {MIN_LENGTH} or more"
    if len(secret) > MAX_LENGTH:
        return f"has {len(secret)} characters; keys have {MAX_LENGTH} or less"
    if not TOKEN.fullmatch(secret):
        return "has characters that keys do not have"
    if not OF_PROVIDER.fullmatch(secret) and not _has_mixed_part(secret):
        return "looks like words, not like a key"
    return ""


def _looks_like_a_key(word: str) -> bool:
    if is_placeholder(word):
        return False
    if OF_PROVIDER.fullmatch(word):
        return True
    return len(word) >= MIN_LENGTH_IN_PROSE and _has_mixed_part(word)


def _has_mixed_part(word: str) -> bool:
    """Letters and digits within one part.

    `gemini-2.5-flash-preview-09-2025` has none, and is no key.
    """
    return any(map(_is_mixed, re.split("[-_.]", word)))


def _is_mixed(part: str) -> bool:
    return len(part) >= MIN_MIXED_PART and not part.isalpha() and not part.isdigit()
