"""Refusals that may be the request's own: they count when another key has answered the same."""

from proxyapp.forwarding.attempt import Attempt
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.verdict import Verdict

# A request that so many refuse for its size or its feature is refused by all.
ENOUGH_PROJECTS = 2


class Suspicions:
    """Of one request. `refusals`: what another key's answer proves."""

    def __init__(self) -> None:
        self.refusals: list[tuple[Attempt, Verdict]] = []
        self._projects: set[int | str] = set()

    def add(self, attempt: Attempt, verdict: Verdict) -> None:
        self.refusals.append((attempt, verdict))

    def is_requests_own(self, key: PoolKey, verdict: Verdict) -> bool:
        """Whether enough projects have refused it now. A key without a project is one."""
        if not verdict.doubt.ends_search:
            return False
        self._projects.add(key.project or key.id)
        return len(self._projects) >= ENOUGH_PROJECTS
