"""The admin as an operator's browser sees it."""

from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from proxyapp.models import Group

PROXY = "socks5://user:pass-MARKER@proxy.example:1080"
GROUP_FORM = {
    "name": "main",
    "position": "0",
    "target_url": "https://generativelanguage.googleapis.com",
    "new_proxy_url": "",
    "rate_limit_policy": "daily",
    "auth": "auto",
}


def superuser() -> Client:
    """Logged in. Without a password: hashing one takes half a second."""
    client = Client()
    client.force_login(User.objects.create(username="admin", is_staff=True, is_superuser=True))
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


def act(operator: Client, model: str, action: str, ids: list[int], **extra: str) -> str:
    data = {"action": action, "_selected_action": ids, **extra}
    return submit(operator, f"proxyapp_{model}_changelist", data=data)


def rows(html: str) -> int:
    """The number of rows of a list that actions can be done to."""
    return html.count('class="action-select"')


def key_form(group: Group, **fields: Any) -> dict[str, Any]:
    return {"group": group.pk, "new_secret": "", "name": "", "project": "", "position": 0, "status": "active", **fields}
