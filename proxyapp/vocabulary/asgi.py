"""The words of ASGI, which a server and an application share (https://asgi.readthedocs.io)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Header = tuple[bytes, bytes]  # a name in lower case, and its value
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
