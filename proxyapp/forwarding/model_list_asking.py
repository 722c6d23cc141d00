"""Asks one target for its list of models, with an available key of the groups that have it."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import quote

from proxyapp.forwarding.asked_usage import asking_plainly
from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.path_facts import PathFacts, facts_of
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.pool.keys_and_groups import PoolGroup
from proxyapp.provider.codings import decoded
from proxyapp.provider.listed_models import LARGEST_PAGE, ListedModel, ModelPage, read_page
from proxyapp.vocabulary.choices import Auth
from proxyapp.vocabulary.errors import GatewayError, StreamBroken
from proxyapp.vocabulary.in_task import time_limit

# Google has 50 models or so, OpenRouter 400 in 1 MB.
MOST_PAGES = 10
MOST_BYTES = 8 << 20
ASK_SECONDS = 15.0
LISTED_SECONDS, FAILED_SECONDS = 60.0, 5.0
# What of a client's headers a list may depend on.
VERSION_HEADER, ANTHROPIC_VERSION = b"anthropic-version", b"2023-06-01"  # it asks for one
KEPT_HEADERS = frozenset({b"user-agent", b"x-goog-api-client", VERSION_HEADER})

Search = Callable[[RequestPlan], Awaitable[Attempt]]


class TargetList(NamedTuple):
    """`groups`: as they were when their target was asked. `models` None: it gave no list."""

    groups: tuple[PoolGroup, ...]
    models: list[ListedModel] | None
    error: GatewayError | None = None
    status: int = 0

    @property
    def good_seconds(self) -> float:
        """A target that failed is asked again soon, and not with each request."""
        return FAILED_SECONDS if self.models is None else LISTED_SECONDS


class TargetAsking:
    """`request`: what the client asks. `groups`: those of the target. `ring`: of the keys that may
    be used.
    """

    def __init__(
        self,
        request: RequestPlan,
        groups: tuple[PoolGroup, ...],
        ring: str,
        barred: frozenset[int],
        search: Search,
    ) -> None:
        self._request = request
        self._groups = groups
        self._ring = ring
        self._barred = barred
        self._search = search
        self._is_anthropics = groups[0].auth == Auth.X_API_KEY

    async def run(self) -> TargetList:
        """In the client's dialect first, where the target may speak that; what fails is told."""
        failed = TargetList(self._groups, None)
        try:
            async with time_limit(ASK_SECONDS):
                for written, facts in self._ways(self._groups[0]):
                    models = await self._pages(written, facts)
                    if not isinstance(models, int):
                        return TargetList(self._groups, models)
                    failed = failed._replace(status=failed.status or models)
        except GatewayError as error:
            return failed._replace(error=error)
        except (TimeoutError, StreamBroken):
            pass
        return failed

    def _ways(self, group: PoolGroup) -> list[tuple[PathFacts, PathFacts]]:
        asked = (self._request.written, self._request.facts)
        google = facts_of(b"/v1beta/models")
        openai = (facts_of(b"/v1/models"), facts_of(b"/v1beta/openai/models"))
        other = (google, google) if self._request.facts.is_openai else openai
        is_others = not group.takes_geminis_paths(group.auth) and group.auth != Auth.BOTH
        if is_others:
            return [openai]
        return [asked] if group.is_of_google else [asked, other]

    async def _pages(self, written: PathFacts, facts: PathFacts) -> list[ListedModel] | int:
        """A status: it is no list."""
        models: list[ListedModel] = []
        token = ""
        for _ in range(MOST_PAGES):
            page = await self._page(written, facts, token)
            if isinstance(page, int):
                return models or page
            models += page.models
            token = page.next_token
            if not token:
                break
        return models

    async def _page(self, written: PathFacts, facts: PathFacts, token: str) -> ModelPage | int:
        query = None
        if not facts.is_openai:
            query = b"pageSize=%d" % LARGEST_PAGE
            query += b"&pageToken=" + quote(token, safe="").encode() if token else b""
        kept = [header for header in self._request.headers if header[0] in KEPT_HEADERS]
        if self._is_anthropics and not any(name == VERSION_HEADER for name, _ in kept):
            kept.append((VERSION_HEADER, ANTHROPIC_VERSION))
        asking = RequestPlan(
            self._ring,
            "GET",
            facts,
            query,
            asking_plainly(kept),
            RequestBody(),
            "",
            self._request.client,
            written,
        )
        asking.barred_groups = self._barred
        attempt = await self._search(asking)
        try:
            page = read_page(await _whole(attempt)) if attempt.status == 200 else None
            return attempt.status if page is None else page
        finally:
            await attempt.aclose()


async def _whole(attempt: Attempt) -> bytes:
    """Empty: it is too long."""
    chunks, length = attempt.read_now(), 0
    read: list[bytes] = []
    while chunks:
        read += chunks
        length += sum(map(len, chunks))
        if length > MOST_BYTES:
            return b""
        chunks = [] if attempt.is_complete else await attempt.read()
    return decoded(b"".join(read), attempt.coding)
