"""How migrations give operators their roles: groups of Django's, from then on in the operators'
hands.

What a role is given stands in the migration that gives it, and stays as it was then. Who wants a
role to have more adds a migration that grants it.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.management import create_permissions

VIEWER, OPERATOR, ADMIN = "Viewer", "Operator", "Admin"
ACTIONS = ("add", "change", "delete", "view")


def make(apps: Any, role: str, permissions: Iterable[str]) -> None:
    """A group that an operator has already given this name stays as it is."""
    _, is_new = apps.get_model("auth", "Group").objects.get_or_create(name=role)
    if is_new:
        grant(apps, role, permissions)


def grant(apps: Any, role: str, permissions: Iterable[str]) -> None:
    """Does nothing where operators have removed the role."""
    make_permissions(apps)
    group = apps.get_model("auth", "Group").objects.filter(name=role).first()
    if group is None:
        return
    wanted = set(permissions)
    known = apps.get_model("auth", "Permission").objects.select_related("content_type")
    group.permissions.add(
        *(found for found in known if f"{found.content_type.app_label}.{found.codename}" in wanted)
    )


def make_permissions(apps: Any) -> None:
    """Django makes them after all migrations.

    It passes over apps without a module, as those of a migration are.
    """
    for label in ("auth", "proxyapp"):
        config = apps.get_app_config(label)
        config.models_module = getattr(config, "models_module", None) or True
        create_permissions(config, verbosity=0, apps=apps)
