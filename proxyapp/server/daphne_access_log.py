"""The access log of `daphne gateway.asgi:application` and of `runserver`. `serve` has none.

Credentials can be in queries, which are left out, and in paths, where they are masked.
"""

import sys
from typing import Any

from proxyapp.server.library_check import require
from proxyapp.vocabulary.log_masking import without_secrets


def leave_out_queries() -> None:
    """Daphne logs the whole target, and lets an application say nothing about it."""
    daphne = sys.modules.get("daphne.server")
    if daphne is None:
        return
    require("Daphne", daphne.Server, "log_action")
    log = daphne.Server.log_action

    def log_action(server: Any, protocol: str, action: str, details: dict[str, Any]) -> None:
        path = without_secrets(details["path"].partition("?")[0])
        log(server, protocol, action, details | {"path": path})

    daphne.Server.log_action = log_action
