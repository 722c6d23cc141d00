"""The roles of operators: Django's groups, made by a migration and then the operators' own."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.management import create_permissions

VIEWER, OPERATOR, ADMIN = "Viewer", "Operator", "Admin"

SEEN = (
    "apikey",
    "group",
    "ratelimitevent",
    "hourlyusage",
    "dailyusage",
    "minuteusage",
    "rotationcursor",
    "auditentry",
)
TOKENS = ("clienttoken", "tokenusage")
LOOKS = tuple(f"proxyapp.view_{model}" for model in (*SEEN, *TOKENS))
STEERS = (
    *(
        "proxyapp.add_apikey",
        "proxyapp.change_apikey",
        "proxyapp.add_group",
        "proxyapp.change_group",
    ),
    *("proxyapp.change_ratelimitevent", "proxyapp.import_config"),
)
ACTIONS = ("add", "change", "delete", "view")
ACCOUNTS = tuple(f"auth.{action}_{model}" for model in ("user", "group") for action in ACTIONS)


def make_roles(apps: Any) -> None:
    """Once, by a migration.

    A group that an operator has already given one of these names stays as it is.
    """
    _create_permissions(apps)
    groups = apps.get_model("auth", "Group").objects
    everything = (*ACCOUNTS, *_all_of_gateway(apps))
    for role, permissions in ((VIEWER, LOOKS), (OPERATOR, (*LOOKS, *STEERS)), (ADMIN, everything)):
        _, is_new = groups.get_or_create(name=role)
        if is_new:
            grant(apps, role, permissions)


def grant(apps: Any, role: str, permissions: Iterable[str]) -> None:
    """For a migration that adds permissions. Does nothing where operators have removed the role."""
    _create_permissions(apps)
    group = apps.get_model("auth", "Group").objects.filter(name=role).first()
    if group is None:
        return
    wanted = set(permissions)
    known = apps.get_model("auth", "Permission").objects.select_related("content_type")
    group.permissions.add(
        *(found for found in known if f"{found.content_type.app_label}.{found.codename}" in wanted)
    )


def grant_tokens(apps: Any) -> None:
    """Everybody sees who may use the gateway; only Admin lets somebody in or out."""
    for role in (VIEWER, OPERATOR):
        grant(apps, role, [f"proxyapp.view_{model}" for model in TOKENS])
    grant(
        apps,
        ADMIN,
        [f"proxyapp.{action}_{model}" for action in ACTIONS for model in (*TOKENS, "tokenwindow")],
    )


def _create_permissions(apps: Any) -> None:
    """Django makes them after all migrations.

    It passes over apps without a module, as those of a migration are.
    """
    for label in ("auth", "proxyapp"):
        config = apps.get_app_config(label)
        config.models_module = getattr(config, "models_module", None) or True
        create_permissions(config, verbosity=0, apps=apps)


def _all_of_gateway(apps: Any) -> list[str]:
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="proxyapp"
    )
    return [f"proxyapp.{codename}" for codename in permissions.values_list("codename", flat=True)]
