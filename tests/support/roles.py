"""The roles, as migrations make them: a test that empties the tables leaves none."""

from importlib import import_module
from typing import Any

from django.apps import apps as installed
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import User
from django.test import Client

from proxyapp.migrations._roles import VIEWER

MIGRATIONS = (
    ("0004_roles", "make_roles"),
    ("0006_client_tokens", "grant_tokens"),
    ("0023_resources", "grant_resources"),
    ("0035_rights_of_quotas", "grant_quotas"),
    ("0039_request_log", "grant_requests"),
    ("0044_rights_of_alerts", "grant_alerts"),
    ("0046_operator_tokens", "grant_tokens"),
    ("0048_rights_of_prices", "grant_prices"),
)


def make_roles(apps: Any) -> None:
    """Does nothing where they are: it takes longer than many a test."""
    if apps.get_model("auth", "Group").objects.filter(name=VIEWER).exists():
        return
    for module, function in MIGRATIONS:
        getattr(import_module(f"proxyapp.migrations.{module}"), function)(apps, None)


def role_named(name: str) -> Role:
    make_roles(installed)
    return Role.objects.get(name=name)


def user_in(role: str, name: str = "somebody") -> User:
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    user.groups.add(role_named(role))
    return user


def staff(role: str, name: str = "somebody") -> Client:
    """Logged in, in this role and with no other right."""
    client = Client()
    client.force_login(user_in(role, name))
    return client
