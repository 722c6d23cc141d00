"""Requests beside the honest ones of a simulated day that no key can answer.

What a hostile or merely unlucky client sends: a model of its own name, a tool that free keys have
no quota for, a prompt above every key's tokens a minute, more `max_tokens` than anybody pays for.
"""

import functools
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from bench.economy_world import Arrival, World
from proxyapp.provider.request_use import RequestUse, use_of
from tests.support.fake_gemini import DATA
from tests.support.fake_quotas import INPUT_TOKENS, TOKENS_PER_MINUTE

HOSTILE_SHARE = 0.05
FLASH, LITE, PRO = "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"
LIMIT = 250_000


@dataclass(frozen=True)
class TrickRefusal:
    """What every key answers. `request`: the body that asks for it, as large as it would be."""

    status: int
    model: str
    body: dict[str, Any]
    request: bytes

    @functools.cached_property
    def use(self) -> RequestUse:
        return use_of(self.request, self.request)


def tricks(models: Sequence[str]) -> dict[str, TrickRefusal]:
    """By name. The real models are tried in turn."""
    own = "api-key-expired-please-renew"
    found = {
        "own model": TrickRefusal(404, own, not_found(own), b"{}"),
        "own limit": TrickRefusal(429, "my-model", {"error": {"message": "Wait."}}, b"{}"),
    }
    for model in models:
        found |= {
            f"search {model}": TrickRefusal(
                429, model, read("429_help_only"), b'{"tools": [{"google_search": {}}]}'
            ),
            f"prompt {model}": TrickRefusal(429, model, too_long(model), b'"%b"' % (b"x " * LIMIT)),
            f"price {model}": TrickRefusal(402, model, too_dear(), b'{"max_tokens": 1000000}'),
        }
    return found


def not_found(model: str) -> dict[str, Any]:
    message = f"models/{model} is not found for API version v1beta."
    return {"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}


def too_dear() -> dict[str, Any]:
    message = "This request requires more credits, or fewer max_tokens."
    return {"error": {"code": 402, "message": message}}


def too_long(model: str) -> dict[str, Any]:
    quota = {
        "quotaMetric": INPUT_TOKENS,
        "quotaId": TOKENS_PER_MINUTE,
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": str(LIMIT),
    }
    message = f"You exceeded your current quota. * Quota exceeded for metric: {INPUT_TOKENS}"
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [quota]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "31s"},
    ]
    status = "RESOURCE_EXHAUSTED"
    return {"error": {"code": 429, "message": message, "status": status, "details": details}}


def read(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return body


def with_hostile(world: World, honest: Sequence[Arrival], seed: int) -> list[Arrival]:
    """HOSTILE_SHARE of all requests, spread over the time, one trick after the other."""
    chance = random.Random(seed)
    number = round(len(honest) * HOSTILE_SHARE / (1 - HOSTILE_SHARE))
    names = cycle(tricks(list(world.limits)))
    moments = sorted(chance.random() for _ in range(number))
    hostile = [
        Arrival(world.begins_at + moment * world.seconds, "", next(names)) for moment in moments
    ]
    return sorted([*honest, *hostile])
