"""The tokens of the demo's clients, and a month of their usage.

The same at every start, relative to now.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

from django.conf import settings

from proxyapp.access import token_store
from proxyapp.access.token_book import masked_token, token_hash
from proxyapp.access.token_store import Terms
from proxyapp.models import ClientToken, Group, TokenUsage, audit
from proxyapp.pool.cursor import raise_pool_version
from tests.demo.cast import CLIENTS, EXPIRED_CLIENT, EXPIRING_CLIENT, MODELS, REVOKED_CLIENT, Client

SEED = 5
DAYS = 30
REQUESTS_A_DAY = 9_000
DEMO = audit.command("demo")
ENDED = timedelta(days=4)
REFUSED = {"notebooks": 0.12, "nightly-batch": 0.02}


def write_clients(now: datetime) -> None:
    chance = Random(SEED)
    for client in CLIENTS:
        token = _made(client, now)
        TokenUsage.objects.bulk_create(_usage(client, token, now, chance))
        if client.name == REVOKED_CLIENT:
            token_store.revoke([token.pk], DEMO, now - ENDED)
    raise_pool_version()


def _made(client: Client, now: datetime) -> ClientToken:
    """With the token that the demo's clients know beforehand."""
    ends = {EXPIRING_CLIENT: now + timedelta(days=6), EXPIRED_CLIENT: now - ENDED}
    terms = Terms(
        name=client.name,
        groups=[Group.objects.get(name=client.group)] if client.group else None,
        requests_per_minute=client.per_minute,
        requests_per_day=client.requests,
        tokens_per_day=client.tokens,
        expires_at=ends.get(client.name),
    )
    token, _ = token_store.create(terms, DEMO)
    token.token_hash, token.masked = (
        token_hash(client.token, settings.SECRET_KEY),
        masked_token(client.token),
    )
    token.last_used_at = now if client.share else now - ENDED
    token.save()
    return token


def _usage(
    client: Client, token: ClientToken, now: datetime, chance: Random
) -> Iterator[TokenUsage]:
    """What has ended was used until then."""
    first_ago = 0 if client.share else ENDED.days
    for ago in range(first_ago, DAYS):
        day = now.date() - timedelta(days=ago)
        part = (now.hour + 1) / 24 if ago == 0 else 1.0
        weekend = 0.5 if day.weekday() > 4 else 1.0
        asked = REQUESTS_A_DAY * (client.share or 10) / 100 * part * weekend * (1 - ago * 0.02)
        yield from _of_day(client, token, day, asked * chance.uniform(0.8, 1.2), chance)


def _of_day(
    client: Client, token: ClientToken, day: date, asked: float, chance: Random
) -> Iterator[TokenUsage]:
    for model, share in MODELS.items():
        requests = round(asked * share / 100)
        tokens = {
            "prompt_tokens": requests * chance.randint(800, 1000),
            "output_tokens": requests * chance.randint(220, 300),
        }
        yield TokenUsage(
            token=token, day=day, model=model, requests=requests, succeeded=requests, **tokens
        )
    refused = round(asked * REFUSED.get(client.name, 0))
    yield TokenUsage(
        token=token, day=day, requests=round(asked * chance.uniform(0.01, 0.04)), refused=refused
    )
