"""Where the keys of other gateways go, as the target of a group here."""

import re
from collections.abc import Mapping
from typing import Any

from proxyapp.vocabulary.choices import DEFAULT_TARGET_URL
from proxyapp.vocabulary.urls import is_of_google

VERSION = re.compile(r"/v\d++(?:(?:alpha|beta)\d*)?(?:/openai)?/?$")
# Those of Gemini's keys go to Google with one credential; others take them as they say.
PROVIDERS: Mapping[str, tuple[str, str]] = {
    "gemini": (DEFAULT_TARGET_URL, ""),
    "openai": ("https://api.openai.com/v1", "bearer"),
    "anthropic": ("https://api.anthropic.com", "x-api-key"),
    "deepseek": ("https://api.deepseek.com", "bearer"),
    "openrouter": ("https://openrouter.ai/api/v1", "bearer"),
    "groq": ("https://api.groq.com/openai/v1", "bearer"),
    "mistral": ("https://api.mistral.ai/v1", "bearer"),
    "xai": ("https://api.x.ai/v1", "bearer"),
}
# What their group does about a refusal: what the provider says, and no more.
POLICY = {"rate_limit_policy": "quota_aware"}


def target_fields(url: str = "", provider: str = "gemini") -> dict[str, Any]:
    """Without a version where the clients' paths have one."""
    known, auth = PROVIDERS.get(provider, ("", "bearer"))
    target = (url or known).strip().rstrip("/")
    if provider == "gemini":
        target = VERSION.sub("", target)
    if provider == "anthropic":
        target = target.removesuffix("/v1")
    said = {"auth": auth} if auth and not is_of_google(target) else {}
    return {"target_url": target, **said, **POLICY}
