"""Gateways whose groups are quota_aware, and requests of their models."""

from collections.abc import Sequence
from typing import Any

import httpx

from tests.conftest import MakeGateway
from tests.support.gateway import Gateway

FLASH, PRO = "gemini-2.5-flash", "gemini-2.5-pro"


CHAT = "/v1beta/openai/chat/completions"


ALL_OF_TWO = ["KEY-A", "KEY-B"]


def native(model: str = FLASH, method: str = "generateContent") -> str:
    return f"/v1beta/models/{model}:{method}"


def ask(
    gateway: Gateway, path: str = native(), *, model: str = FLASH, **options: Any
) -> httpx.Response:
    body = {"contents": [{"parts": [{"text": "hi"}]}], "messages": [], "model": model}
    return httpx.post(gateway.url + path, json=body, timeout=30, trust_env=False, **options)


def keyed(name: str, project: str) -> dict[str, str]:
    return {"key": name, "name": name.lower(), "project": project}


def cooldowns(gateway: Gateway) -> list[list[tuple[str | None, str]]]:
    """What is out, with the reason, for each key."""
    return [
        [(cooldown["model"], cooldown["reason"]) for cooldown in key["cooldowns"]]
        for key in gateway.keys()
    ]


def aware(make_gateway: MakeGateway, keys: Sequence[Any] = ALL_OF_TWO, **fields: Any) -> Gateway:
    return make_gateway(keys, rate_limit_policy="quota_aware", **fields)
