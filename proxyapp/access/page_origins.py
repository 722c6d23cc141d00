"""Which pages may use a gateway without client tokens: by the origin that a browser says of them.

Those of this machine's own sites may, and those that an operator names. An origin is taken apart
strictly: no browser writes a user or a path into one.
"""

import re
from collections.abc import Collection

from proxyapp.vocabulary.addresses import is_local
from proxyapp.vocabulary.asgi import Header

WEB = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(\d{1,5}))?")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
ANY_OF_SCHEME = "://*"


def origin_of(headers: list[Header]) -> bytes | None:
    """None: no browser says that a page asks."""
    for name, value in headers:
        if name == b"origin":
            return value
    return None


def may_ask(origin: str, allowed_hosts: Collection[str], allowed_origins: Collection[str]) -> bool:
    """`allowed_hosts`: names of the gateway's own, whose pages are not those of another site."""
    origin = origin.lower()
    web = WEB.fullmatch(origin)
    if web is not None:
        host = web[2].strip("[]")
        if is_local(host) or host in allowed_hosts:
            return True
    return any(_is_of(origin, normal_origin(allowed)) for allowed in allowed_origins)


def normal_origin(text: str) -> str:
    """As browsers write it: in small letters, without a scheme's own port. `app://` is `app://*`."""
    text = text.lower()
    if text.endswith("://"):
        return text + "*"
    scheme = text.partition("://")[0]
    return text.removesuffix(DEFAULT_PORTS.get(scheme, " "))


def _is_of(origin: str, allowed: str) -> bool:
    if allowed.endswith(ANY_OF_SCHEME):
        return origin.startswith(allowed[:-1])
    return origin == allowed
