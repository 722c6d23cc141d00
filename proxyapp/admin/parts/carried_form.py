"""What a form carries to its next step unseen: encrypted as keys are, for one user, for an hour."""

import json
from typing import Any

from django.core.signing import BadSignature, TimestampSigner

from proxyapp.models import ApiKey
from proxyapp.models.sealed import SealedTextField

# Time to read a long review; a form that was left open for longer has to be filled in anew.
MAX_AGE_SECONDS = 3600


def seal(content: Any, user_id: object) -> str:
    """`content`: what JSON can hold."""
    return _signer(user_id).sign(str(_field().get_prep_value(json.dumps(content))))


def unseal(text: str, user_id: object) -> Any:
    """None for what is too old, another user's, or not sealed here."""
    try:
        encrypted = _signer(user_id).unsign(text, max_age=MAX_AGE_SECONDS)
    except BadSignature:
        return None
    content = _field().from_db_value(encrypted)
    return json.loads(content) if content else None


def _signer(user_id: object) -> TimestampSigner:
    return TimestampSigner(salt=f"gemini-key-gateway.carried:{user_id}")


def _field() -> SealedTextField:
    field = ApiKey._meta.get_field("secret")
    assert isinstance(field, SealedTextField)  # noqa: S101 (for the type checker)
    return field
