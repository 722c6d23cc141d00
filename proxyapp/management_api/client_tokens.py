"""Client tokens: who may use the gateway.

A token is in the answer that makes it, and nowhere else.
"""

from dataclasses import fields as fields_of
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from proxyapp.access import token_store
from proxyapp.access.budgets import BUDGETS
from proxyapp.access.token_store import LIMITS, Terms
from proxyapp.management_api.given import After, Limit, TokenTerms, in_utc
from proxyapp.management_api.problems import ApiRefusal
from proxyapp.management_api.rights import caller_of, needs
from proxyapp.management_api.rows import found, group_named
from proxyapp.models import ClientToken
from proxyapp.operators.token_report import token_report
from proxyapp.vocabulary.marks import gettext_noop as _
from proxyapp.vocabulary.money import plain_amount, read_amount

router = Router()
TERMS = frozenset(field.name for field in fields_of(Terms))


@router.get(
    "",
    summary=_("List client tokens"),
    description=_("By id. `next` is the `after` of the page behind this one; null: there is none."),
    **needs("view_clienttoken"),
)
def list_tokens(request: HttpRequest, limit: Limit, after: After) -> dict[str, Any]:
    tokens = ClientToken.objects.filter(pk__gt=after).order_by("pk")
    ids = list(tokens.values_list("pk", flat=True)[: limit + 1])
    return {
        "items": _shown(ids[:limit]),
        "next": ids[limit - 1] if len(ids) > limit else None,
    }


@router.get("/{int:token_id}", summary=_("Show a client token"), **needs("view_clienttoken"))
def show_token(request: HttpRequest, token_id: int) -> dict[str, Any]:
    return _shown([found(ClientToken, token_id).pk])[0]


@router.post(
    "",
    summary=_("Make a client token"),
    description=_("`token` is shown this once."),
    **needs("add_clienttoken"),
)
def create(request: HttpRequest, body: TokenTerms) -> dict[str, Any]:
    terms = _terms(body.model_dump())
    token, text = token_store.create(terms, caller_of(request).actor)
    return {**_shown([token.pk])[0], "token": text}


@router.patch(
    "/{int:token_id}",
    summary=_("Change a client token"),
    description=_("What is not sent stays."),
    **needs("change_clienttoken"),
)
def change(request: HttpRequest, token_id: int, body: TokenTerms) -> dict[str, Any]:
    with transaction.atomic():
        token = found(ClientToken.objects.select_for_update(), token_id)
        given = _before(token) | body.fields
        token_store.update_token(token, _terms(given, token), caller_of(request).actor)
    return _shown([token.pk])[0]


@router.post(
    "/{int:token_id}/revoke",
    summary=_("Revoke a client token"),
    description=_("For good. Nobody gets in with it within a second."),
    **needs("change_clienttoken"),
)
def revoke(request: HttpRequest, token_id: int) -> dict[str, Any]:
    ids = [found(ClientToken, token_id).pk]
    token_store.revoke(ids, caller_of(request).actor, timezone.now())
    return _shown(ids)[0]


def _shown(ids: list[int]) -> list[dict[str, Any]]:
    tokens = ClientToken.objects.filter(pk__in=ids).order_by("pk")
    return [row.as_json() for row in token_report(tokens, timezone.now())]


def _before(token: ClientToken) -> dict[str, Any]:
    names = [group.name for group in token.allowed_groups.all()]
    return {
        "name": token.name,
        "groups": names if token.is_limited_to_groups else None,
        "models": token.allowed_models,
        "fallbacks": token.fallbacks,
        "shared_resources": token.shared_resources,
        **{limit: getattr(token, limit) for limit in LIMITS},
        **{
            name: None if (micros := getattr(token, name)) is None else plain_amount(micros)
            for name in BUDGETS
        },
        "expires_at": token.expires_at and token.expires_at.isoformat(),
    }


def _terms(given: dict[str, Any], token: ClientToken | None = None) -> Terms:
    """Raises ApiRefusal and ValidationError."""
    groups = given["groups"]
    rows = None if groups is None else [group_named(name) for name in dict.fromkeys(groups)]
    if rows == [] and (token is None or not token.is_limited_to_groups):
        words = "name one group or more, or null for every group"
        raise ApiRefusal(422, "Nothing was changed: see errors.", [("groups", words)])
    budgets = {name: _amount(name, given[name]) for name in BUDGETS}
    read = {"groups": rows, "expires_at": _moment(given["expires_at"], token), **budgets}
    return Terms(**{name: value for name, value in (given | read).items() if name in TERMS})


def _amount(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return read_amount(text)
    except ValueError as error:
        raise ValidationError({name: [str(error)]}) from None


def _moment(text: str | None, token: ClientToken | None) -> datetime | None:
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
        moment = None if given.tzinfo is None else in_utc(given)
    except ValueError:
        moment = None
    if moment is None:
        words = "is no moment with its zone, such as 2027-01-31T00:00:00Z"
        raise ValidationError({"expires_at": [words]})
    is_kept = token is not None and token.expires_at == moment
    if moment <= timezone.now() and not is_kept:
        raise ValidationError({"expires_at": ["is over; to end a token now, revoke it"]})
    return moment
