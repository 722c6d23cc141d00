"""What no secret opens, because SECRET_KEY or its file was lost or replaced."""

from proxyapp.models import ApiKey, Group
from proxyapp.models.sealed import UNREADABLE

REMEDY = "put the old secret back (in var/secret_key or SECRET_KEY_FALLBACKS), or enter them anew"


def unreadable_keys() -> int:
    return sum(not secret for secret in ApiKey.objects.order_by().values_list("secret", flat=True))


def warning_of(keys: int, proxies: int = 0) -> str:
    """One line, or none."""
    counts = ((keys, "API key"), (proxies, "proxy URL"))
    unreadable = " and ".join(
        f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count
    )
    return (
        f"warning: SECRET_KEY does not open {unreadable}, so they are not used: {REMEDY}."
        if unreadable
        else ""
    )


def unreadable_proxies() -> int:
    rows = Group.objects.order_by().values_list("proxy_url", "proxy_pool")
    return sum(UNREADABLE in proxies for proxies in rows)
