"""What is kept, the encrypted column, the audit log's writer, what a row's state is."""

from django.apps import apps

from proxyapp.models import page_names
from proxyapp.models.alert_channel import AlertChannel
from proxyapp.models.api_key import ApiKey
from proxyapp.models.client_token import ClientToken, TokenUsage, TokenWindow
from proxyapp.models.currency_change import CurrencyChange
from proxyapp.models.group import Group
from proxyapp.models.key_probe import KeyProbe
from proxyapp.models.learned_limit import LearnedLimit
from proxyapp.models.operator_token import OperatorToken
from proxyapp.models.pool_change import PoolChange
from proxyapp.models.price import ModelPrice
from proxyapp.models.project import Project
from proxyapp.models.quota_share import QuotaHolder, QuotaShare
from proxyapp.models.rate_limit_event import ActiveCooldowns, RateLimitEvent
from proxyapp.models.record import AuditEntry, Chore, ImportedGroup, SpoolMark
from proxyapp.models.removed_key import RemovedKey
from proxyapp.models.request_log import RequestLogEntry, RequestLogGap, RequestLogTry
from proxyapp.models.resource import Resource
from proxyapp.models.rotation_cursor import RotationCursor
from proxyapp.models.sign_in import SecondFactor, SignInCount
from proxyapp.models.usage import (
    FIRST_COLUMNS,
    LATENCY_BOUNDS_MS,
    LATENCY_COLUMNS,
    QUOTA_COLUMNS,
    SEEN_COLUMNS,
    WHOLE_COLUMNS,
    AnswerTimes,
    AttemptCounts,
    DailyUsage,
    HourlyUsage,
    KeyTotal,
    MinuteUsage,
    ModelHour,
    OutcomeHour,
)

__all__ = [
    "FIRST_COLUMNS",
    "LATENCY_BOUNDS_MS",
    "LATENCY_COLUMNS",
    "QUOTA_COLUMNS",
    "SEEN_COLUMNS",
    "WHOLE_COLUMNS",
    "ActiveCooldowns",
    "AlertChannel",
    "AnswerTimes",
    "ApiKey",
    "AttemptCounts",
    "AuditEntry",
    "Chore",
    "ClientToken",
    "CurrencyChange",
    "DailyUsage",
    "Group",
    "HourlyUsage",
    "ImportedGroup",
    "KeyProbe",
    "KeyTotal",
    "LearnedLimit",
    "MinuteUsage",
    "ModelHour",
    "ModelPrice",
    "OperatorToken",
    "OutcomeHour",
    "PoolChange",
    "Project",
    "QuotaHolder",
    "QuotaShare",
    "RateLimitEvent",
    "RemovedKey",
    "RequestLogEntry",
    "RequestLogGap",
    "RequestLogTry",
    "Resource",
    "RotationCursor",
    "SecondFactor",
    "SignInCount",
    "SpoolMark",
    "TokenUsage",
    "TokenWindow",
]

page_names.translate(apps.all_models["proxyapp"].values())
