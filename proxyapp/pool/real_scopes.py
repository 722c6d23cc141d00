"""Which quota scopes are those of models that there are: some key has answered for them."""

from collections.abc import Collection
from datetime import datetime, timedelta

from proxyapp.models.usage import HourlyUsage
from proxyapp.pool.cooldowns import MANY_SCOPES
from proxyapp.provider.features import plain_scope

# As long as the longest cooldown. Of a large pool it is some 100,000 rows, found by their hour.
ANSWERED_WITHIN = timedelta(days=1)
BATCH = 500
ENDPOINTS = frozenset(
    {
        "/auth_tokens", "/batches", "/cachedContents", "/chat", "/completions", "/corpora",
        "/embeddings", "/fileSearchStores", "/files", "/images", "/interactions", "/messages",
        "/models", "/operations", "/responses", "/tunedModels",
    }
)  # fmt: skip


def real_scopes(quota_scopes: Collection[str], now: datetime) -> frozenset[str]:
    """Without features; empty where there is room for all."""
    if len(quota_scopes) <= MANY_SCOPES:
        return frozenset()
    # `model:countTokens` and its like count under the model.
    names = {plain_scope(scope): plain_scope(scope).partition(":")[0] for scope in quota_scopes}
    asked = sorted({name for name in names.values() if name})
    answered: set[str] = set()
    usage = HourlyUsage.objects.filter(hour__gte=now - ANSWERED_WITHIN, succeeded__gt=0)
    for start in range(0, len(asked), BATCH):
        found = usage.filter(model__in=asked[start : start + BATCH]).order_by()
        answered |= set(found.values_list("model", flat=True).distinct())
    return frozenset(scope for scope, name in names.items() if name in answered | ENDPOINTS)
