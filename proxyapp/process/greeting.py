"""What a start says last: where everything is, and how to get in."""

from collections.abc import Sequence
from pathlib import Path

from proxyapp.process.bootstrap import Administrator


def lines(
    urls: Sequence[str], administrator: Administrator | None, keys: int, groups: int, config: Path
) -> list[str]:
    """`administrator`: the one that this start has made."""
    return [
        *(f"Proxy: {url}" for url in urls),
        f"Admin: {urls[-1]}/admin/",
        *credentials(administrator),
        _pool(keys, groups, config),
    ]


def credentials(administrator: Administrator | None) -> list[str]:
    if administrator is None:
        return []
    if administrator.is_generated:
        password = f"password {administrator.password} (shown only this once)"
    else:
        password = "the password of DJANGO_SUPERUSER_PASSWORD"  # noqa: S105
    return [f"Login: {administrator.name}, {password}"]


def _pool(keys: int, groups: int, config: Path) -> str:
    if keys:
        return f"Keys:  {keys} in {groups} group{'s' * (groups != 1)}"
    return (
        "Keys:  none yet, so requests get a 503. Add one in the admin, "
        f"or under api_keys in {config} and start again."
    )
