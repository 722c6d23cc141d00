"""Operator tokens for tests, and requests that show them."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from proxyapp.access import operator_tokens
from proxyapp.models.audit import Actor
from tests.support.roles import role_named

API = "/admin/api/"


def token_of(role: str, *, user: User | None = None, name: str = "ci") -> str:
    """Of a user who may everything, if none is given."""
    if user is None:
        user, _ = User.objects.get_or_create(
            username="root", defaults={"is_staff": True, "is_superuser": True}
        )
    _, text = operator_tokens.create(
        name, user, role_named(role), None, Actor("test"), timezone.now()
    )
    return text


class ApiClient:
    """Shows one token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._client = Client()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer; of JSON by `.json()`."""
        return self._client.generic(
            method,
            f"{API}{path}",
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"authorization": f"Bearer {self.token}", **headers},
        )

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.ask("POST", path, {} if body is None else body)

    def patch(self, path: str, body: Any) -> Any:
        return self.ask("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self.ask("DELETE", path)


def api_of(role: str, name: str = "ci") -> ApiClient:
    return ApiClient(token_of(role, name=name))
