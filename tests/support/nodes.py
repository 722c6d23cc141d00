"""Two nodes with one PostgreSQL: gateways with a directory, a port and a way to the database of
their own, and a load balancer in front of both.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support import postgres
from tests.support.gateway import Gateway, group, migrated_template
from tests.support.relay import Relay

SECRET = "one-secret-of-all-nodes-0123456789-0123456789"
PASSWORD = "a-password-for-tests"
CLOCK_AHEAD = 30.0


class Node(Gateway):
    """`link`: its way to the database. `url_of_database`: that without it."""

    def __init__(self, config: Mapping[str, Any], url_of_database: str, **options: Any) -> None:
        self._url_of_database = url_of_database
        parts = urlsplit(url_of_database)
        self.link = Relay(parts.port or 5432)
        super().__init__(config, **options)

    def _database(self, template: str | None) -> str:
        return self._url_of_database

    def __enter__(self) -> "Node":
        with ExitStack() as stack:
            stack.enter_context(self.link)
            parts = urlsplit(self._url_of_database)
            place = f"{parts.username}:{parts.password}@127.0.0.1:{self.link.port}"
            self.environment["DATABASE_URL"] = f"postgresql://{place}{parts.path}"
            super().__enter__()
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        super().close()
        if hasattr(self, "_stack"):
            self._stack.close()

    def run_from(self, tree: Path) -> None:
        """From the next start on: another version."""
        self._program, self._is_forked = [str(tree / "manage.py")], False

    def ready(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(self.url + "/readyz", timeout=10, trust_env=False)
        return answer.status_code, answer.json()


class TwoNodes:
    """`ahead`: the one whose clock is."""

    def __init__(self, keys: list[str], target_url: str) -> None:
        self._stack = ExitStack()
        url = postgres.fresh_database(migrated_template())
        config = {"groups": [group(keys, target_url, auth="google", rate_limit_policy="daily")]}
        env = {
            "SECRET_KEY": SECRET,
            "DJANGO_SUPERUSER_USERNAME": "admin",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        self.one = Node(config, url, env=env)
        self.ahead = Node(
            config,
            url,
            env={**env, "CLOCK_AHEAD": str(CLOCK_AHEAD)},
            server="uvicorn",
            program=["-m", "tests.support.skewed_manage"],
        )
        self.balancer = Relay(self.one.port, self.ahead.port)

    def __enter__(self) -> "TwoNodes":
        with self._stack as stack:
            for part in (self.one, self.ahead, self.balancer):
                stack.enter_context(part)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.balancer.port}"

    def both(self) -> tuple[Node, Node]:
        return self.one, self.ahead


def spread(picked: list[str], keys: list[str]) -> int:
    """Between the key that was asked most and the one that was asked least."""
    counts = Counter(picked)
    return max(counts[key] for key in keys) - min(counts[key] for key in keys)
