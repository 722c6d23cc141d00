"""Uploads that come in parts: what an upload id of the gateway's own stands for.

The id is the session itself, sealed with SECRET_KEY. So it holds in every process, after a restart
and while the database is away, and there is nothing to keep or to prune. Who has it may go on with
the upload; nobody can make one up, or read the provider's URL in it.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from proxyapp.resources.known import KnownResource
from proxyapp.vocabulary.errors import UnknownUpload

# As long as Google keeps an upload that is not finished.
LIFE_SECONDS = 7 * 86_400
# Of a target; one of Google's has 300.
LONGEST_TARGET_BYTES = 8192
LONGEST_ID_BYTES = 16_384
# How an upload is called in what clients are told of its key.
NAME = "The upload"


@dataclass(frozen=True, slots=True)
class UploadSession:
    """`path`: of the request that began it, in Gemini's form. `target`: where its parts go at the
    upstream, path and query. `auth`: how the key was shown when that was taken.
    """

    made: KnownResource
    path: str
    target: str
    auth: str


def sealed(session: UploadSession, secret_keys: Sequence[str]) -> str:
    """`secret_keys`: the current one first."""
    fields = (*astuple(session.made), session.path, session.target, session.auth)
    data = json.dumps(fields, separators=(",", ":")).encode()
    return _box(tuple(secret_keys)).encrypt(data).decode().rstrip("=")


def opened(upload_id: bytes, secret_keys: Sequence[str], now: float) -> UploadSession:
    """Raises UnknownUpload."""
    padded = upload_id + b"=" * (-len(upload_id) % 4)
    try:
        if len(upload_id) > LONGEST_ID_BYTES:
            raise InvalidToken
        data = _box(tuple(secret_keys)).decrypt(padded)
    except InvalidToken:
        raise unknown_upload() from None
    *made, path, target, auth = json.loads(data)
    session = UploadSession(KnownResource(*made), path, target, auth)
    if session.made.expires_at <= now:
        raise UnknownUpload(
            f"The upload began more than {LIFE_SECONDS // 86_400} days ago: begin it anew.",
            is_worth_trying=False,
        )
    return session


def unknown_upload() -> UnknownUpload:
    return UnknownUpload(
        "There is no such upload here, or it is another client's: begin it anew with the request"
        " that asks for an upload URL, and send its parts to that URL as it is.",
        is_worth_trying=False,
    )


@functools.lru_cache(maxsize=4)
def _box(secret_keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_material(secret_key)) for secret_key in secret_keys])


def _material(secret_key: str) -> bytes:
    digest = hashlib.sha256(b"gemini-key-gateway.upload-id:" + secret_key.encode()).digest()
    return base64.urlsafe_b64encode(digest)
