"""What is kept and shown of an upstream's words: cut, and without a key."""

import re

from proxyapp.provider.tolerant_json import plain
from proxyapp.vocabulary.checks import DIRECTION_MARKS
from proxyapp.vocabulary.masking import masked_key

EXCERPT_CHARACTERS = 2000
MESSAGE_CHARACTERS = 300
EXCERPTED_BYTES = 1 << 16
KEY_LIKE = re.compile(
    r"AIza[\w-]{20,}|AQ\.(?<![A-Za-z0-9]AQ.)[\w-]{20,}|sk-(?<![A-Za-z0-9]sk-)[\w-]{16,}|ya29\.[\w.-]{16,}",
    re.ASCII,
)
# Controls, and marks that turn the direction of what stands around them.
UNSEEN = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f" + "".join(DIRECTION_MARKS) + "]")


def excerpt(body: bytes, secret: str, masked: str) -> str:
    """The start of a body as text that is safe to store and show: without the key, or anything like
    one.
    """
    text = UNSEEN.sub("\ufffd", plain(body)[:EXCERPTED_BYTES].replace("\x00", ""))
    return _without_keys(text.replace(secret, masked) if secret else text)[:EXCERPT_CHARACTERS]


def brief(message: str) -> str:
    """Cut between words, so that no part of a key is left that would no longer be known as one."""
    message = _without_keys(message.strip())
    if len(message) <= MESSAGE_CHARACTERS:
        return message
    words = message[: MESSAGE_CHARACTERS + 1].rsplit(maxsplit=1)
    return words[0] if len(words) > 1 else message[:MESSAGE_CHARACTERS]


def _without_keys(text: str) -> str:
    return KEY_LIKE.sub(lambda found: masked_key(found[0]), text)
