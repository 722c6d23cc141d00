"""What has to be the same for two groups to share connections."""

import urllib.request

import httpx
from django.conf import settings

from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.vocabulary.errors import UpstreamFailed
from proxyapp.vocabulary.exits import DIRECT

# A group's proxy URL, its certificate authorities, and whether link-local addresses are allowed.
TransportKey = tuple[str | None, str, bool]


def key_of(group: PoolGroup) -> TransportKey:
    """Raises UpstreamFailed for a group whose keys have exits, and not it: never round them."""
    proxy_url = group.proxy_url
    if group.has_exit:
        proxy_url = None if proxy_url == DIRECT else proxy_url
    elif group.proxy_pool:
        raise UpstreamFailed(f"Only keys of group {group.name} have an exit.", is_sent=False)
    elif proxy_url is None and settings.TRUST_ENVIRONMENT_PROXIES:
        proxy_url = environment_proxy(group.url)
    return proxy_url, group.ca_certificates, group.is_link_local_allowed


def environment_proxy(url: httpx.URL) -> str | None:
    """What HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say about the target."""
    if urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")
