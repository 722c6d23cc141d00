"""No page of the admin in Chinese has a word that nobody has translated: all of its addresses are
walked, so that a new page is from its first day.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from proxyapp.models import (
    AlertChannel,
    ApiKey,
    AuditEntry,
    DailyUsage,
    ModelPrice,
    Project,
    RequestLogEntry,
    RotationCursor,
    audit,
)
from tests.support.admin_pages import superuser
from tests.support.client_tokens import add_token, use_token
from tests.support.logged_requests import log, made_attempt, made_record
from tests.support.operator_tokens import token_of
from tests.support.page_words import TERMS, WORD, words_of
from tests.support.pool_data import add_group, add_key, condemn, cool, use
from tests.support.resources import add_resource
from tests.support.roles import role_named

LETTER = re.compile("[\u4e00-\u9fff]")
pytestmark = pytest.mark.once
# A sentence that was put together of pieces, of which one was not translated.
PIECE = re.compile(r"(?<![-A-Za-z])(?:[a-z]{2,} ){2,}[a-z]{2,}")
# Values of settings, and names of this test's rows.
VALUES = frozenset(
    WORD.findall(
        "daily auto google both bearer free x-goog-api-key x-api-key api-key header query NAME fast"
        " Viewer Operator Admin generate main project test command root start files agents voices"
        " generatedFiles cachedContents batches operations tunedModels fileSearchStores corpora"
        " interactions environments triggers webhooks credentials"
    )
)
# Models, addresses, masked keys and ids.
DATA = re.compile(
    r"Group.permissions? (?:relationships?|object)"  # Django has no other words
    r"|\S*(?:gemini-|AIza|://|\.(?:com|example|yaml|csv|json)|@|[0-9_/=…])\S*"
)
CHINESE = {"accept-language": "zh-CN"}


def addresses(patterns: Iterable[Any], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        here = f"{before}{pattern.pattern}"
        if hasattr(pattern, "url_patterns"):
            yield from addresses(pattern.url_patterns, here)
        elif here.startswith("admin/") and "^" not in here and "(?P" not in here:
            yield here


def filled(address: str) -> str:
    """With the first row of the model that it is about."""
    if "<" not in address:
        return f"/{address}"
    app, model = address.split("/")[1:3]
    rows: Any = RequestLogEntry if app == "requests" else None
    if rows is None:
        try:
            rows = apps.get_model(app, model)
        except LookupError:
            return ""
    row = rows.objects.order_by("pk").first()
    assert row is not None, f"the walk has no {rows.__name__}: add one"
    return "/" + re.sub(r"<[^>]*>", str(row.pk), address)


def untranslated(html: str) -> list[str]:
    return list(filter(is_untranslated, words_of(html)))


def is_untranslated(text: str) -> bool:
    rest = DATA.sub(" ", text)
    if LETTER.search(text):
        return bool(PIECE.search(rest))
    return not set(WORD.findall(rest)) <= TERMS | VALUES


@pytest.fixture
def operator(db: None) -> Client:
    operator = superuser()
    User.objects.update(username="管")
    group = add_group("组", proxy_url="http://u:p@proxy.example:1")
    keys = [add_key(group, f"k{number}", name=f"钥{number}", project="项") for number in range(4)]
    Project.objects.get_or_create(name="项")
    now = timezone.now()
    cool(keys[0], now + timedelta(hours=3))
    condemn(keys[1])
    ApiKey.objects.filter(pk=keys[1].pk).update(status_reason="错")
    ApiKey.objects.filter(pk=keys[2].pk).update(status="disabled")
    use(keys[0], now, requests=5, succeeded=3, rate_limited=1, prompt_tokens=5000)
    DailyUsage.objects.create(key=keys[0], model="gemini-9", day=now.date(), requests=5)
    RotationCursor.objects.get_or_create(ring="*")
    token = add_token("客", requests_per_minute=5)
    use_token(token, now.date(), requests=5)
    token_of("Viewer", user=User.objects.get(), name="运")
    AlertChannel.objects.create(name="告", url="json://alerts.example/x")
    ModelPrice.objects.create(name="gemini-9", terms={"input": "0.1", "output": "0.2"})
    add_resource("files/a", keys[0].pk)
    refused = made_attempt(keys[0].pk, "daily", 429, key_name="钥0", group="组", project="项")
    log(made_record("r-1", 503, now.timestamp(), [refused, made_attempt(keys[1].pk)]))
    role_named("Viewer")
    AuditEntry.objects.all().delete()  # what they say is kept in English
    audit.record(audit.command("x"), "change", [group], "x")
    return operator


def test_every_page_is_in_chinese(operator: Client) -> None:
    found: dict[str, list[str]] = {}
    for address in map(filled, addresses(get_resolver().url_patterns)):
        if not address:
            continue
        response = operator.get(address, headers=CHINESE)
        if response.get("Content-Type", "").startswith("text/html"):
            left = untranslated(response.content.decode())
            if left:
                found[f"{address} {response.status_code}"] = left

    assert found == {}


# Forms that come back with what is wrong, questions of actions, and what is said of what was done.
SENT: list[tuple[str, dict[str, Any]]] = [
    ("/admin/import-export/", {}),
    ("/admin/import-export/", {"text": "groups: 5"}),
    ("/admin/import-export/", {"text": "groups: [{name: 新, api_keys: [KEY-NEW-1234567890]}]"}),
    ("/admin/proxyapp/group/add/", {"name": "", "target_url": "ftp://x", "weight": "99"}),
    ("/admin/proxyapp/group/add/", {"name": "组", "target_url": "", "limits": "x", "models": "("}),
    ("/admin/proxyapp/apikey/add/", {"name": "", "weight": "0"}),
    ("/admin/proxyapp/apikey/bulk-add/", {"text": "a b", "group": "1"}),
    ("/admin/proxyapp/clienttoken/add/", {"name": "", "reach": "some", "cost_per_day": "x"}),
    ("/admin/proxyapp/operatortoken/add/", {"name": ""}),
    ("/admin/proxyapp/alertchannel/add/", {"name": "", "url": "x", "quiet_hours": "x"}),
    ("/admin/proxyapp/project/add/", {"name": ""}),
    ("/admin/auth/user/add/", {"username": "", "password1": "a", "password2": "b"}),
    ("/admin/password_change/", {"old_password": "", "new_password1": "a"}),
    ("/admin/second-factor/set-up/", {"carried": "", "code": "1"}),
    *(
        ("/admin/proxyapp/apikey/", {"action": action, "_selected_action": ["1", "2"]})
        for action in ("disable", "enable", "release", "delete_selected")
    ),
    ("/admin/proxyapp/group/1/switch/", {}),
    ("/admin/proxyapp/clienttoken/", {"action": "revoke", "_selected_action": ["1"]}),
]


def test_what_a_form_is_answered_is_in_chinese(operator: Client) -> None:
    found = {}
    for address, data in SENT:
        response = operator.post(address, data, headers=CHINESE, follow=True)
        if left := untranslated(response.content.decode()):
            found[f"{address} {data}"] = left

    assert found == {}
