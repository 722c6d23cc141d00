"""Client tokens in the database. The only place that makes, changes and revokes them.

Each change raises the pool's version in the same transaction, so that every process hears of it
within half a second, and is in the audit log. Reading the book runs on a database thread.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from proxyapp.access.budgets import BUDGETS, budget_texts
from proxyapp.access.limit_windows import lock_windows
from proxyapp.access.token_book import (
    Client,
    TokenBook,
    mark_of,
    masked_token,
    new_token,
    token_hash,
)
from proxyapp.models import ClientToken, Group, OperatorToken, audit
from proxyapp.models.audit import Actor
from proxyapp.pool.change_log import Touched
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.vocabulary.choices import MAX_CONCURRENT
from proxyapp.vocabulary.model_lists import (
    fallback_lines,
    fallbacks_problems,
    plain_fallbacks,
    plain_models,
    said_of,
)
from proxyapp.vocabulary.model_patterns import pattern_of
from proxyapp.vocabulary.money import MICROS, MOST_AMOUNT

# All patterns of a token are one regular expression, which is matched with each of its requests.
MAX_PATTERNS = 100
MAX_PATTERN = 100
# What the columns hold; of LLM tokens far more than anyone uses.
MOST = {
    "requests_per_minute": 2**31 - 1,
    "requests_per_day": 2**31 - 1,
    "tokens_per_day": 10**15,
    "live_sessions": 2**31 - 1,
    "max_concurrent": MAX_CONCURRENT,
}
LIMITS = tuple(MOST)
# A row that was read a while ago brings no revoked token back.
CHANGEABLE = (
    "name",
    "is_limited_to_groups",
    "allowed_models",
    "fallbacks",
    "shared_resources",
    *LIMITS,
    *BUDGETS,
    "expires_at",
    "updated_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a token allows. `groups` None: the keys of all groups; empty: none. `shared_resources`:
    to see what other tokens made.
    """

    name: str
    groups: Sequence[Group] | None = None
    models: Sequence[str] = ()
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shared_resources: bool = False
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    live_sessions: int | None = None
    max_concurrent: int | None = None
    cost_per_day: int | None = None
    cost_per_month: int | None = None
    expires_at: datetime | None = None


def create(terms: Terms, actor: Actor) -> tuple[ClientToken, str]:
    """The row, and the token itself, which nobody can find out again.

    Raises ValidationError, by field.
    """
    text = new_token()
    token = ClientToken(token_hash=token_hash(text, settings.SECRET_KEY), masked=masked_token(text))
    _save(token, terms)
    with transaction.atomic():
        token.save()
        _finish(token, terms, actor, "add")
    return token, text


def update_token(token: ClientToken, terms: Terms, actor: Actor) -> None:
    """Raises ValidationError, by field; then nothing was changed."""
    _save(token, terms)
    with transaction.atomic():
        # The groups are changed after it, by one at a time.
        ClientToken.objects.select_for_update().get(pk=token.pk)
        token.save(update_fields=CHANGEABLE)
        _finish(token, terms, actor, "change")


def revoke(token_ids: Iterable[int], actor: Actor, now: datetime) -> list[ClientToken]:
    """For good. Those that were not revoked yet."""
    with transaction.atomic():
        locked = ClientToken.objects.select_for_update()
        tokens = list(locked.filter(pk__in=list(token_ids), revoked_at=None).order_by("pk"))
        ClientToken.objects.filter(pk__in=[token.pk for token in tokens]).update(revoked_at=now)
        audit.record(actor, "revoke", tokens)
        raise_pool_version(Touched(has_tokens=True))
    return tokens


def delete(token_ids: Iterable[int], actor: Actor) -> None:
    """Also what is known of their usage.

    A token that is revoked instead can be told from one that never was.
    """
    with transaction.atomic():
        lock_pool()
        tokens = ClientToken.objects.filter(pk__in=list(token_ids))
        audit.record(actor, "delete", tokens)
        lock_windows(token.pk for token in tokens)
        tokens.delete()
        raise_pool_version(Touched(has_tokens=True))


def _save(token: ClientToken, terms: Terms) -> None:
    """Puts the terms into the row and checks it."""
    token.name = terms.name.strip()
    token.is_limited_to_groups = terms.groups is not None
    token.allowed_models = list(dict.fromkeys(plain_models(terms.models)))
    token.fallbacks = plain_fallbacks(terms.fallbacks)
    token.shared_resources = terms.shared_resources
    for limit in (*LIMITS, *BUDGETS):
        setattr(token, limit, getattr(terms, limit))
    token.expires_at = terms.expires_at
    _check(token)


def _check(token: ClientToken) -> None:
    problems: defaultdict[str, list[str]] = defaultdict(list)
    if not token.name.isprintable():
        problems["name"].append(_("has characters that cannot be printed."))
    if len(token.allowed_models) > MAX_PATTERNS:
        text = _("%(count)d names; %(most)d are allowed.")
        counts = {"count": len(token.allowed_models), "most": MAX_PATTERNS}
        problems["allowed_models"].append(text % counts)
    for model in token.allowed_models:
        if not model or not model.isprintable() or len(model) > MAX_PATTERN:
            text = _("%(name)s is no name of a model such as gemini-2.5-*.")
            problems["allowed_models"].append(text % {"name": repr(model[:MAX_PATTERN])})
    for text in said_of(fallbacks_problems(token.fallbacks)):
        problems["fallbacks"].append(text)
    for limit in LIMITS:
        value = getattr(token, limit)
        if value is not None and not 1 <= value <= MOST[limit]:
            text = _("%(number)s is not a number from 1 to %(most)s.")
            numbers = {"number": f"{value:,}", "most": f"{MOST[limit]:,}"}
            problems[limit].append(text % numbers)
    for budget in BUDGETS:
        value = getattr(token, budget)
        if value is not None and not 1 <= value <= MOST_AMOUNT * MICROS:
            text = _("is not more than 0 and at most %(most)s.")
            problems[budget].append(text % {"most": f"{MOST_AMOUNT:,}"})
    try:
        token.full_clean()
    except ValidationError as error:
        for field, messages in error.message_dict.items():
            problems[field] += messages
    if problems:
        raise ValidationError(dict(problems))


def _finish(token: ClientToken, terms: Terms, actor: Actor, action: audit.Action) -> None:
    token.allowed_groups.set(terms.groups or ())
    audit.record(actor, action, [token], _described(token, terms))
    raise_pool_version(Touched(has_tokens=True))


def _described(token: ClientToken, terms: Terms) -> str:
    parts = [
        f"{limit.replace('_', ' ')}: {value}"
        for limit in LIMITS
        if (value := getattr(token, limit))
    ]
    parts += [f"{name}: {text}" for name, text in budget_texts(token)]
    if terms.groups is not None:
        parts.append(f"groups: {', '.join(group.name for group in terms.groups) or 'none'}")
    if token.allowed_models:
        parts.append(f"models: {', '.join(token.allowed_models)}")
    if token.fallbacks:
        parts.append(f"fallbacks: {'; '.join(fallback_lines(token.fallbacks))}")
    if token.shared_resources:
        parts.append("shared resources")
    if token.expires_at:
        parts.append(f"expires at {token.expires_at:%Y-%m-%d %H:%M} UTC")
    return "; ".join(parts)


def has_tokens() -> bool:
    """Also one that is revoked counts: the gateway was closed, and stays so."""
    return ClientToken.objects.exists()


def secret_keys() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def bound_to_older_secrets() -> int:
    """How many usable tokens, of operators too, end with the older secrets: their hashes need
    them.
    """
    mark = mark_of(settings.SECRET_KEY)
    return sum(
        tokens.objects.filter(revoked_at=None).exclude(token_hash__startswith=mark).count()
        for tokens in (ClientToken, OperatorToken)
    )


def read_book() -> TokenBook:
    rows = ClientToken.objects.order_by().values_list(
        *("id", "token_hash", "is_limited_to_groups", "allowed_models", "fallbacks", *LIMITS),
        *(*BUDGETS, "expires_at", "revoked_at", "shared_resources"),
        named=True,
    )
    allowed = _allowed_groups()
    return TokenBook([(row.token_hash, _client(row, allowed)) for row in rows], secret_keys())


def _client(row: Any, allowed: Mapping[int, Sequence[int]]) -> Client:
    return Client(
        id=row.id,
        groups=frozenset(allowed.get(row.id, ())) if row.is_limited_to_groups else None,
        models=pattern_of(row.allowed_models),
        fallbacks=row.fallbacks,
        requests_per_minute=row.requests_per_minute,
        requests_per_day=row.requests_per_day,
        tokens_per_day=row.tokens_per_day,
        cost_per_day=row.cost_per_day,
        cost_per_month=row.cost_per_month,
        live_sessions=row.live_sessions,
        max_concurrent=row.max_concurrent,
        expires_at=row.expires_at.timestamp() if row.expires_at else float("inf"),
        is_revoked=row.revoked_at is not None,
        shared_resources=row.shared_resources,
    )


def _allowed_groups() -> dict[int, list[int]]:
    allowed: defaultdict[int, list[int]] = defaultdict(list)
    links = ClientToken.allowed_groups.through.objects.order_by()
    for token_id, group_id in links.values_list("clienttoken_id", "group_id"):
        allowed[token_id].append(group_id)
    return allowed
