"""A download that the target sends on to another path of its own comes back to the gateway: without
the key nobody gets it there. What leads to another host is the client's to follow.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from proxyapp.access.public_address import public_url
from proxyapp.forwarding.attempt import Attempt
from proxyapp.provider.credentials import without_key
from proxyapp.upstream.transport import origin_of
from proxyapp.vocabulary.client_paths import group_and_path


def lead_back(scope: Mapping[str, Any], path: bytes, attempt: Attempt) -> None:
    """`path`: that the client asked for; its group stays."""
    group = attempt.key.group
    in_front = path[: len(path) - len(group_and_path(path)[1])]
    for index, (name, value) in enumerate(attempt.headers):
        if name.lower() != b"location" or value.startswith(b"/"):
            continue
        try:
            url = httpx.URL(value.decode("ascii"))
            is_own = origin_of(url) == origin_of(group.url)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError):
            continue
        if not is_own:
            continue
        to, has_query, query = url.raw_path.partition(b"?")
        to = to.removeprefix(group.prefix) if group.prefix else to
        kept = without_key(query) if has_query else None
        attempt.headers[index] = name, public_url(scope, in_front + to, kept)
