"""Client tokens that were made elsewhere, mostly by another gateway: hashed as our own, so that
clients keep theirs.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.db import transaction

from proxyapp.access.token_book import SHAPE, masked_token, token_hash
from proxyapp.access.token_store import MAX_PATTERN, MAX_PATTERNS, MOST, secret_keys
from proxyapp.models import ClientToken, Group, audit
from proxyapp.models.audit import Actor
from proxyapp.pool.change_log import Touched
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.masking import masked_key
from proxyapp.vocabulary.model_lists import plain_models
from proxyapp.vocabulary.no_keys import is_placeholder
from proxyapp.vocabulary.token_strength import LONGEST_FOREIGN
from proxyapp.vocabulary.token_strength import is_weak as is_weak

LEAST_CHARACTERS = 8
MAX_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignToken:
    """`groups` None: the keys of all groups; else of those of these names."""

    text: str = field(repr=False)
    name: str
    groups: Sequence[str] | None = None
    models: Sequence[str] = ()
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    expires_at: datetime | None = None


def why_refused(text: str) -> str:
    """Empty for what can be a token here."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        return _("has characters that no header carries")
    if len(text) > LONGEST_FOREIGN:
        said = {"count": len(text), "most": LONGEST_FOREIGN}
        return _("has %(count)s characters; %(most)s are allowed") % said
    if is_placeholder(text):
        return _("is a placeholder, which everybody knows")
    if len(text) < LEAST_CHARACTERS:
        text = _("has less than %(least)s characters, which anybody finds by trying")
        return text % {"least": LEAST_CHARACTERS}
    return ""


def why_not_its_terms(token: ForeignToken) -> str:
    """What a token that is made here may not have either. Empty: nothing."""
    if len(token.models) > MAX_PATTERNS:
        return _("is for more than %(most)s models: make one by hand") % {"most": MAX_PATTERNS}
    if not all(map(_is_name, token.models)):
        return _("is for models whose names are none here: make one by hand")
    for limit in ("requests_per_minute", "requests_per_day"):
        most = getattr(token, limit)
        if most is not None and not 1 <= most <= MOST[limit]:
            return _("has a limit that is none here: make one by hand")
    return ""


def _is_name(model: str) -> bool:
    return bool(model) and model.isprintable() and len(model) <= MAX_PATTERN


def masked_foreign(text: str) -> str:
    return masked_token(text) if SHAPE.fullmatch(text.encode()) else masked_key(text)


def take_over(
    foreign: Iterable[ForeignToken], actor: Actor, origin: str = "token of another gateway"
) -> list[ClientToken]:
    """Those that there were not before; what an operator changed or revoked of others stays."""
    by_text: dict[str, ForeignToken] = {}
    for token in foreign:
        before = by_text.get(token.text)
        by_text[token.text] = _both(before, token) if before else token
    wanted = list(by_text.values())
    if not wanted:
        return []
    with transaction.atomic(savepoint=False):
        lock_pool()
        there = dict(ClientToken.objects.order_by().values_list("token_hash", "name"))
        new = _unknown(wanted, there)
        if new:
            tokens = ClientToken.objects.bulk_create(_rows(new, there.values()))
            _limit_to_groups(tokens, new)
            audit.record(actor, "add", tokens, origin)
            raise_pool_version(Touched(has_tokens=True))
            return tokens
    return []


def _both(first: ForeignToken, other: ForeignToken) -> ForeignToken:
    """What a client may do with one token that stands in two places."""
    is_for_all = first.groups is None or other.groups is None
    groups = None if is_for_all else [*(first.groups or ()), *(other.groups or ())]
    models = [*first.models, *other.models] if first.models and other.models else []
    return replace(first, groups=groups, models=list(dict.fromkeys(models)))


def _unknown(wanted: Sequence[ForeignToken], known: Container[str]) -> list[ForeignToken]:
    secrets = secret_keys()
    return [
        token
        for token in wanted
        if not any(token_hash(token.text, secret) in known for secret in secrets)
    ]


def _rows(new: Sequence[ForeignToken], names: Iterable[str]) -> list[ClientToken]:
    taken = dict.fromkeys((name.lower() for name in names), 1)
    return [
        ClientToken(
            name=_free_name(token.name, taken),
            token_hash=token_hash(token.text, settings.SECRET_KEY),
            masked=masked_foreign(token.text),
            is_limited_to_groups=token.groups is not None,
            allowed_models=list(dict.fromkeys(plain_models(token.models))),
            requests_per_minute=token.requests_per_minute,
            requests_per_day=token.requests_per_day,
            expires_at=token.expires_at,
        )
        for token in new
    ]


def _free_name(name: str, taken: dict[str, int]) -> str:
    """Case does not count. `taken`: with the last number that was tried behind each."""
    plain = "".join(filter(str.isprintable, name[:MAX_NAME])).strip()[: MAX_NAME - 8] or "token"
    free = plain
    while free.lower() in taken:
        taken[plain.lower()] = number = taken.get(plain.lower(), 1) + 1
        free = f"{plain} {number}"
    taken[free.lower()] = 1
    return free


def _limit_to_groups(tokens: Sequence[ClientToken], new: Sequence[ForeignToken]) -> None:
    ids: Mapping[str, int] = dict(Group.objects.order_by().values_list("name", "pk"))
    link = ClientToken.allowed_groups.through
    link.objects.bulk_create(
        link(clienttoken_id=token.pk, group_id=ids[name])
        for token, source in zip(tokens, new, strict=True)
        for name in dict.fromkeys(source.groups or ())
        if name in ids
    )
