"""The admin as an operator's browser sees it."""

import html as markup
import re
import time
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from proxyapp.access.session_rules import begin
from proxyapp.models import ApiKey, Group

PROXY = "socks5://user:pass-MARKER@proxy.example:1080"
GROUP_FORM = {
    "name": "main",
    "position": "0",
    "target_url": "https://generativelanguage.googleapis.com",
    "new_proxy_url": "",
    "rate_limit_policy": "daily",
    "auth": "auto",
}
TOKEN_FORM = {
    "name": "app",
    "reach": "all",
    "models": "",
    "lifetime": "never",
    "expires_on": "",
    "requests_per_minute": "",
    "requests_per_day": "",
    "tokens_per_day": "",
    "live_sessions": "",
}


def superuser() -> Client:
    """Logged in. Without a password: hashing one takes half a second."""
    client = Client()
    client.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))
    session = client.session
    begin(session, time.time())
    session.save()
    return client


def page(operator: Client, name: str, *arguments: Any, **query: Any) -> str:
    response = operator.get(reverse(f"admin:{name}", args=arguments), query)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def submit(operator: Client, name: str, *arguments: Any, data: dict[str, Any]) -> str:
    """The page that the form leads to: the same one when something is wrong with it."""
    response = operator.post(reverse(f"admin:{name}", args=arguments), data, follow=True)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def change_secrets(operator: Client, key: ApiKey, new_secret: str, new_proxy_url: str) -> None:
    """The key's, and the proxy of its group, each with its form."""
    form = key_form(key.group, new_secret=new_secret)
    submit(operator, "proxyapp_apikey_change", key.pk, data=form)
    form = {**GROUP_FORM, "new_proxy_url": new_proxy_url}
    submit(operator, "proxyapp_group_change", key.group_id, data=form)


def act(operator: Client, model: str, action: str, ids: Sequence[int | str], **extra: str) -> str:
    data = {"action": action, "_selected_action": ids, **extra}
    return submit(operator, f"proxyapp_{model}_changelist", data=data)


def rows(html: str) -> int:
    """The number of rows of a list that actions can be done to."""
    return html.count('name="_selected_action"')


def text(html: str) -> str:
    """What a reader sees, with one space between words."""
    return " ".join(markup.unescape(re.sub(r"<[^>]+>", " ", html)).split())


def cells(html: str, column: str) -> list[str]:
    """What a list shows in a column, a row each."""
    return [
        text(cell)
        for cell in re.findall(
            rf'<t[dh] class="field-{column} [^>]*>(.*?)</t[dh]>', html, re.DOTALL
        )
    ]


def value(html: str, label: str) -> str:
    """What the page of one object shows of a field that cannot be edited."""
    found = re.search(
        rf'>{label}</label>\s*</div>\s*<div[^>]*>\s*<div class="readonly.*?>(.*?)</div>',
        html,
        re.DOTALL,
    )
    assert found, label
    return text(found[1])


def said(html: str) -> list[tuple[str, str]]:
    """The messages of a page: level and text."""
    levels = {"green": "success", "orange": "warning", "red": "error"}
    found = re.findall(
        r'<li class="\*:mb-0!">\s*<div class="[^"]*bg-(\w+)-100[^"]*">(.*?)</div>', html, re.DOTALL
    )
    return [(levels[colour], text(message)) for colour, message in found]


def key_form(group: Group, **fields: Any) -> dict[str, Any]:
    return {
        "group": group.pk,
        "new_secret": "",
        "name": "",
        "project": "",
        "position": 0,
        "status": "active",
        **fields,
    }
