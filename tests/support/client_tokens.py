"""Client tokens and their usage, for tests that look at the database."""

from datetime import date, datetime
from typing import Any

from proxyapp.access import token_store
from proxyapp.access.token_store import Terms
from proxyapp.models import ClientToken, TokenUsage, audit
from tests.support.pool_data import NOW


def add_token(
    name: str = "app", *, last_used_at: datetime | None = None, **terms: Any
) -> ClientToken:
    token, _ = token_store.create(Terms(name=name, **terms), audit.command("test"))
    if last_used_at is not None:
        ClientToken.objects.filter(pk=token.pk).update(last_used_at=last_used_at)
        token.refresh_from_db()
    return token


def use_token(
    token: ClientToken, day: date | None = None, model: str = "gemini-2.5-flash", **counts: int
) -> TokenUsage:
    return TokenUsage.objects.create(token=token, day=day or NOW.date(), model=model, **counts)
