"""Who takes part in the demo: made-up keys in three groups, and what their projects may ask for."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.fake_quotas import Limits

FLASH = "gemini-2.5-flash"
LITE = "gemini-2.5-flash-lite"
PRO = "gemini-2.5-pro"

# Shares of the requests.
MODELS = {FLASH: 50, LITE: 30, PRO: 20}

# Small, so that the first minute shows how minutes and days run out.
FREE = {FLASH: Limits(5, 250), LITE: Limits(10, 1_000), PRO: Limits(5, 2)}
# What the operator lets the paid projects use in a day, most of which the history has used.
PAID_DAYS = {FLASH: 40_000, LITE: 25_000, PRO: 17_000}
PAID = {FLASH: Limits(80, 100_000), LITE: Limits(120, 100_000), PRO: Limits(30, 100_000)}


@dataclass(frozen=True)
class Key:
    name: str
    group: str

    @property
    def project(self) -> str:
        return self.name.partition("-")[0]

    @property
    def secret(self) -> str:
        """Of the length and with the beginning of Google's."""
        return f"AIzaDemo{hashlib.sha256(self.name.encode()).hexdigest()[:31]}"


FREE_GROUP, PAID_GROUP, DAILY_GROUP = "free-tier", "paid", "spare"
NAMES = {
    FREE_GROUP: ["atlas-1", "birch-1", "cedar-1", "atlas-2", "birch-2", "cedar-2"],
    PAID_GROUP: ["delta-1", "ember-1", "delta-2", "ember-2"],
    DAILY_GROUP: ["fjord-1", "grove-1"],
}
KEYS = tuple(Key(name, group) for group, names in NAMES.items() for name in names)
BY_SECRET = {key.secret: key for key in KEYS}
DEAD_KEY = "cedar-2"
OVERLOADED_KEY = "ember-2"
BREAKING_KEY = "delta-1"
FREE_PROJECTS = ("atlas", "birch", "cedar", "fjord")


@dataclass(frozen=True)
class Client:
    """Who asks, with a token.

    `share` of the requests; 0: no more. Limits are a day's, but for `per_minute`.
    """

    name: str
    share: int
    group: str = ""
    requests: int | None = None
    tokens: int | None = None
    per_minute: int | None = None

    @property
    def token(self) -> str:
        """Of the shape of the gateway's own."""
        digest = hashlib.sha256(f"client {self.name}".encode()).digest()
        return f"gk-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


CLIENTS = (
    Client("mobile-app", 50, requests=25_000),
    Client("support-bot", 30, PAID_GROUP, tokens=15_000_000),
    Client("nightly-batch", 12, tokens=4_000_000),
    Client("notebooks", 8, per_minute=10),
    Client("trial", 0, FREE_GROUP, requests=1_000),
    Client("old-website", 0),
)
EXPIRING_CLIENT, EXPIRED_CLIENT, REVOKED_CLIENT = "support-bot", "trial", "old-website"


def limits_of(project: str) -> Mapping[str, Limits]:
    return FREE if project in FREE_PROJECTS else PAID


def config(target_url: str, host: str, port: int) -> dict[str, Any]:
    """The gateway's config file."""
    return {
        "server": {"host": host, "port": port},
        "groups": [_group(name, target_url) for name in NAMES],
    }


def _group(name: str, target_url: str) -> dict[str, Any]:
    keys = [key for key in KEYS if key.group == name]
    return {
        "name": name,
        "target_url": target_url,
        "rate_limit_policy": "daily" if name == DAILY_GROUP else "quota_aware",
        "auth": "google",
        "api_keys": [{"key": key.secret, "name": key.name, "project": key.project} for key in keys],
        **({"limits": _paid_limits()} if name == PAID_GROUP else {}),
    }


def _paid_limits() -> dict[str, dict[str, int]]:
    return {
        model: {"requests_per_minute": limits.per_minute, "requests_per_day": PAID_DAYS[model]}
        for model, limits in PAID.items()
    }
