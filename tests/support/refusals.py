"""Refusals as providers write them, and what the gateway makes of them."""

import json
from datetime import UTC, datetime
from pathlib import Path

from proxyapp.provider.verdict import judge

DATA = Path(__file__).parents[1] / "data"
MANIFEST = json.loads((DATA / "MANIFEST.json").read_text())
NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, 8, tzinfo=UTC)  # in California
DAILY_RESET = datetime(2026, 11, 24, 7, tzinfo=UTC)  # the setting's: ten in Moscow
MODEL = "gemini-2.5-flash"
NATIVE = b"/v1beta/models/gemini-2.5-flash:generateContent"
PATHS = {
    "native": NATIVE,
    "openai": b"/v1beta/openai/chat/completions",
    "interactions": b"/v1beta/interactions",
}
REQUESTS = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
EXCEEDED = "You exceeded your current quota, please check your plan and billing details."
KEY = "AIzaSy0123456789abcdefghijklmnopqrstuvw"


def judged(body, status=429, *, headers=(), path=NATIVE, model=MODEL, **others):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    arguments = {"policy": "quota_aware", "now": NOW, **others}
    return judge(
        status=status, headers=list(headers), body=body, path=path, model=model, **arguments
    )


def kind(body, status=429, **others):
    verdict = judged(body, status, **others)
    return verdict and verdict.kind


def google(message, code=429, status="RESOURCE_EXHAUSTED", *details):
    error = {"code": code, "message": message, "status": status}
    return {"error": {**error, "details": list(details)} if details else error}


def info(reason, **metadata):
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "metadata": metadata,
    }


def violations(*quotas):
    """Of (quotaId, quotaValue)."""
    named = [
        {"quotaMetric": REQUESTS, "quotaId": name, "quotaValue": value} for name, value in quotas
    ]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": named}


def retry_info(delay):
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def recorded(name):
    return (DATA / f"{name}.json").read_bytes()


def facts(verdict):
    return verdict.kind, verdict.scope, verdict.model, verdict.until, verdict.retry


def expected(row, *, is_key_in_place=True):
    """The kind that a row of the manifest stands for."""
    if row["meaning_class"] == "proxy_fault_or_dead_key":
        return "dead_key" if is_key_in_place else "proxy_fault"
    return row["meaning_class"]


def kind_of(row, body, **others):
    return kind(body, row["http_status"], path=PATHS[row["endpoint"]], **others)
