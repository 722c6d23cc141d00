"""Where keys are sent to. Whoever chooses another place can read them there."""

from collections.abc import Mapping
from typing import NamedTuple

import httpx
from django.utils.translation import gettext as _

from proxyapp.models import ApiKey, Group
from proxyapp.vocabulary.exits import shown_exit, shown_pool
from proxyapp.vocabulary.urls import is_host_of_google


class Destination(NamedTuple):
    """`place`: scheme, host and port, and the path, which on many hosts names whose endpoint it is;
    Google's own get keys whatever the path.

    `proxy`, `exits` and `certificates`: who stands in between, and who could.
    """

    place: str
    proxy: str | None
    certificates: str
    allows_link_local: bool
    exits: str | None = None

    @property
    def shown(self) -> str:
        between = shown_exit(self.proxy) if self.proxy else shown_pool(self.exits)
        if not self.proxy and not self.exits:
            return self.place
        return _("%(place)s through %(way)s") % {"place": self.place, "way": between}


def destination_of(group: Group) -> Destination:
    return Destination(
        place_of(group.target_url),
        group.proxy_url,
        group.ca_certificates,
        group.allow_link_local,
        group.proxy_pool,
    )


def place_of(url: str) -> str:
    """The whole text of what is no URL."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return url
    port = f":{parsed.port}" if parsed.port else ""
    origin = f"{parsed.scheme}://{parsed.host}{port}".lower()
    path = parsed.raw_path.decode().rstrip("/")
    return origin if is_host_of_google(parsed.host) else f"{origin}{path}"


def destinations() -> dict[int, Destination]:
    """Of each key there is, by its id."""
    groups = {group.pk: destination_of(group) for group in Group.objects.all()}
    keys = ApiKey.objects.order_by().values_list("pk", "group_id", "proxy_url")
    return {pk: through_own(groups[group_id], proxy) for pk, group_id, proxy in keys}


def through_own(destination: Destination, proxy: str | None) -> Destination:
    """Of a key with an exit of its own, if it has one."""
    return destination if proxy is None else destination._replace(proxy=proxy, exits=None)


def redirected(before: Mapping[int, Destination], after: Mapping[int, Destination]) -> list[int]:
    """The ids of the keys that were there and now go elsewhere."""
    return [pk for pk, place in after.items() if pk in before and before[pk] != place]
