"""What a provider takes for a credential, and where it looks for one."""

from urllib.parse import unquote_to_bytes

from proxyapp.vocabulary.asgi import Header
from proxyapp.vocabulary.choices import Auth

MULTIPLE_CREDENTIALS = b"Multiple authentication credentials received"


def without_key(query: bytes) -> bytes | None:
    """The raw query without `key` parameters; every other byte stays.

    None when nothing else was in it.
    """
    if b"k" not in query and b"%" not in query:
        return query
    kept = [part for part in query.split(b"&") if not is_key_parameter(part)]
    return b"&".join(kept) if kept else None


def is_key_parameter(part: bytes) -> bool:
    name = part.partition(b"=")[0]
    return name == b"key" or (b"%" in name and unquote_to_bytes(name) == b"key")


def credentials(auth: str, secret: bytes, *, is_openai: bool) -> list[Header]:
    """The credential headers for a key. `auth` is never `auto`: `pool` has resolved it."""
    bearer = (b"authorization", b"Bearer " + secret)
    goog = (b"x-goog-api-key", secret)
    if auth == Auth.BOTH:
        return [bearer, goog]
    if auth == Auth.GOOGLE:
        return [bearer if is_openai else goog]
    return [bearer if auth == Auth.BEARER else goog]
