"""Where a group's target URL ends and a request's path begins.

Documentation gives base URLs that end in a part of the API (`…/v1beta`, `…/v1beta/openai/`), and
clients bring the same part in their paths. It is sent once, as the client wrote it.
"""

import re

from proxyapp.vocabulary.client_paths import VERSION

_API = re.compile(rb"(?:/%b)?(?:/openai)?(?:/models)?$" % VERSION)
_VERSION = re.compile(rb"/+%b(?:/|$)" % VERSION)


def without_api(prefix: bytes) -> bytes:
    """The path of a target URL, without what belongs to the API: `/proxy/v1beta` is `/proxy`."""
    return _API.sub(b"", prefix, count=1)


def prefix_before(path: bytes, *, prefix: bytes, base: bytes) -> bytes:
    """What stands in front of a client's path. `base`: the prefix without the API's part."""
    if prefix == base:
        return prefix
    if _VERSION.match(path):
        return base
    last = prefix[prefix.rfind(b"/") :]
    return prefix.removesuffix(last) if path == last or path.startswith(last + b"/") else prefix
