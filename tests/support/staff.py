"""Operators who may do some things only."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def staff(*permissions: str, name: str = "staff") -> Client:
    """Logged in, with these permissions (their code names) only."""
    user = User.objects.create(username=name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client
