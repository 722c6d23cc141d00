"""What `sticky` saves: the gateway's own choices for the turns of conversations, simulated, and how
much of their prompts the projects' caches then have. Needs Django to be set up.
"""

import json
from collections import Counter
from collections.abc import Iterable

from bench.economy_day import Gateway
from bench.economy_talk_figures import TalkFigures
from bench.economy_talks import PrefixCaches, TalkTurn, turns
from bench.economy_world import MIDNIGHT, World
from proxyapp.forwarding.conversation import conversation_of
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.pool.ring_names import ALL_GROUPS
from proxyapp.pool.stays import Stays
from proxyapp.pool.wish import KeyWish
from proxyapp.vocabulary.choices import RateLimitPolicy, Sticky
from tests.support.fake_quotas import Limits, Quotas

MODEL = "gemini-2.5-flash"
PATH = f"/v1beta/models/{MODEL}:generateContent".encode()
CONVERSATIONS = 24_000
QUICK = 2_000
DAY_SECONDS = 24 * 3600.0
# Room for the busiest minute of a project that has its share.
LIMITS = {MODEL: Limits(per_minute=40, per_day=40_000)}
ONE_PROJECT = {MODEL: Limits(per_minute=10**6, per_day=10**6)}


class TalkingGateway(Gateway):
    """One whose only group is sticky, or not."""

    def __init__(self, world: World, sticky: str) -> None:
        super().__init__(world, RateLimitPolicy.QUOTA_AWARE, Quotas(world.limits, world.owners))
        self._sticky = sticky
        self._stays = Stays()
        self._conversation: int | None = None

    def answer_turn(self, turn: TalkTurn) -> PoolKey | None:
        body = json.dumps(turn.body).encode()
        planned = plan(
            self._snapshot,
            method="POST",
            path=PATH,
            query=None,
            headers=[(b"x-gateway-session", b"%d" % turn.conversation)]
            if self._sticky == Sticky.SESSION
            else [],
            body=RequestBody(body, length=len(body)),
        )
        self._conversation = conversation_of(planned, self._sticky)
        return self.answer(MODEL, turn.at)

    def _untried_key(self, model: str, now: float, tried: set[int]) -> PoolKey | None:
        wish = KeyWish(ALL_GROUPS, model, 0.0, tried=tried, conversation=self._conversation)
        staying = next(self._stays.keys(self._snapshot, wish, now), None)
        return staying or super()._untried_key(model, now, tried)


def talked(world: World, sticky: str, requests: Iterable[TalkTurn]) -> TalkFigures:
    gateway, caches, asked = TalkingGateway(world, sticky), PrefixCaches(), Counter[str]()
    offered = prompts = cached = 0
    for turn in requests:
        offered += 1
        key = gateway.answer_turn(turn)
        if key is not None:
            asked[key.project] += 1
            prompts += turn.llm_tokens
            cached += caches.cached(key.project, turn)
    share = asked.total() / world.projects
    return TalkFigures(
        world.projects,
        sticky,
        offered,
        asked.total(),
        cached / prompts,
        max(abs(asked[name] - share) for name in world.names) / share,
    )


def talked_of(*, is_quick: bool) -> list[TalkFigures]:
    """The first: of one project that has room for all."""
    conversations = QUICK if is_quick else CONVERSATIONS
    seconds = DAY_SECONDS * conversations / CONVERSATIONS
    begins_at = MIDNIGHT.timestamp()
    requests = list(turns(conversations, begins_at, seconds))
    alone = World(ONE_PROJECT, begins_at, seconds, projects=1)
    world = World(LIMITS, begins_at, seconds)
    ways = ("", Sticky.SESSION.value, Sticky.PREFIX.value)
    return [talked(alone, "", requests), *(talked(world, way, requests) for way in ways)]
