"""The words of ASGI (https://asgi.readthedocs.io): what a server and an application hand each
other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Header = tuple[bytes, bytes]  # a name in lower case, and its value
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
