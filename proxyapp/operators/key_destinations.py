"""Where keys are sent to. Whoever chooses another place can read them there."""

from collections.abc import Mapping
from typing import NamedTuple

import httpx

from proxyapp.models import ApiKey, Group
from proxyapp.vocabulary.urls import shown_url


class Destination(NamedTuple):
    """`origin`: scheme, host and port; a path on the same host changes nothing.

    `proxy` and `certificates`: who stands in between, and who could.
    """

    origin: str
    proxy: str | None
    certificates: str
    allows_link_local: bool

    @property
    def shown(self) -> str:
        way = f" through {shown_url(self.proxy)}" if self.proxy else ""
        return f"{self.origin}{way}"


def destination_of(group: Group) -> Destination:
    return Destination(
        origin_of(group.target_url),
        group.proxy_url,
        group.ca_certificates,
        group.allow_link_local,
    )


def origin_of(url: str) -> str:
    """The whole text of what is no URL."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return url
    port = f":{parsed.port}" if parsed.port else ""
    return f"{parsed.scheme}://{parsed.host}{port}".lower()


def destinations() -> dict[int, Destination]:
    """Of each key there is, by its id."""
    groups = {group.pk: destination_of(group) for group in Group.objects.all()}
    keys = ApiKey.objects.order_by().values_list("pk", "group_id")
    return {pk: groups[group_id] for pk, group_id in keys}


def redirected(before: Mapping[int, Destination], after: Mapping[int, Destination]) -> list[int]:
    """The ids of the keys that were there and now go elsewhere."""
    return [pk for pk, place in after.items() if pk in before and before[pk] != place]
