"""Client tokens for gateways under test."""

import json
from typing import Any

from tests.support.gateway import Gateway

MAKE = """
import json, sys
from datetime import datetime
from proxyapp.access import token_store
from proxyapp.models import audit
from proxyapp.models import Group
made = {}
for name, terms in json.loads(%r).items():
    if "groups" in terms:
        terms["groups"] = list(Group.objects.filter(name__in=terms["groups"]))
    if "expires_at" in terms:
        terms["expires_at"] = datetime.fromisoformat(terms["expires_at"])
    made[name] = token_store.create(token_store.Terms(name=name, **terms), audit.START)[1]
print(json.dumps(made))
"""


def make_tokens(gateway: Gateway, terms: dict[str, dict[str, Any]]) -> dict[str, str]:
    """By name, all in one process: each start of Django costs as much as a hundred requests."""
    done = gateway.manage("shell", "--no-imports", "-c", MAKE % json.dumps(terms))
    assert done.returncode == 0, done.stderr
    made: dict[str, str] = json.loads(done.stdout)
    return made


def listed_tokens(gateway: Gateway) -> dict[str, dict[str, Any]]:
    """What `tokens list --json` says, by name."""
    done = gateway.manage("tokens", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for row in json.loads(done.stdout)}
