"""Some of what a client token allows is changed; the rest stays as it is at that moment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from proxyapp.access import token_store
from proxyapp.access.budgets import BUDGETS
from proxyapp.access.token_store import LIMITS, Terms
from proxyapp.models import ClientToken
from proxyapp.models.audit import Actor


def terms_of(token: ClientToken) -> Terms:
    return Terms(
        name=token.name,
        groups=list(token.allowed_groups.all()) if token.is_limited_to_groups else None,
        models=token.allowed_models,
        fallbacks=token.fallbacks,
        shared_resources=token.shared_resources,
        expires_at=token.expires_at,
        **{name: getattr(token, name) for name in (*LIMITS, *BUDGETS)},
    )


def change_terms(token_id: int, given: Mapping[str, Any], actor: Actor) -> ClientToken:
    """`given`: terms by their names. What somebody else changes at this moment stays as well.

    Raises ValidationError, by field; then nothing was changed.
    """
    with transaction.atomic():
        token = ClientToken.objects.select_for_update().get(pk=token_id)
        token_store.update_token(token, replace(terms_of(token), **given), actor)
    return token
