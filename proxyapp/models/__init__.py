"""What the gateway keeps."""

from proxyapp.models.client_token import ClientToken, TokenUsage, TokenWindow
from proxyapp.models.pool import (
    DEFAULT_TARGET_URL,
    MAX_PRIORITY,
    MAX_WEIGHT,
    ActiveCooldowns,
    ApiKey,
    Auth,
    Group,
    KeyStatus,
    RateLimitEvent,
    RateLimitPolicy,
    RotationCursor,
)
from proxyapp.models.record import AuditEntry, Chore, ImportedGroup, SpoolMark
from proxyapp.models.sign_in import SecondFactor, SignInCount
from proxyapp.models.usage import (
    LATENCY_BOUNDS_MS,
    LATENCY_COLUMNS,
    AttemptCounts,
    DailyUsage,
    HourlyUsage,
    MinuteUsage,
)

__all__ = [
    "DEFAULT_TARGET_URL",
    "LATENCY_BOUNDS_MS",
    "LATENCY_COLUMNS",
    "MAX_PRIORITY",
    "MAX_WEIGHT",
    "ActiveCooldowns",
    "ApiKey",
    "AttemptCounts",
    "AuditEntry",
    "Auth",
    "Chore",
    "ClientToken",
    "DailyUsage",
    "Group",
    "HourlyUsage",
    "ImportedGroup",
    "KeyStatus",
    "MinuteUsage",
    "RateLimitEvent",
    "RateLimitPolicy",
    "RotationCursor",
    "SecondFactor",
    "SignInCount",
    "SpoolMark",
    "TokenUsage",
    "TokenWindow",
]
