"""What `sticky` saves in the simulation: the gateway's own choices, at a provider with caches."""

import pytest

from bench.economy_conversations import LIMITS, ONE_PROJECT, talked
from bench.economy_talk_figures import TalkFigures
from bench.economy_talks import SYSTEM_LLM_TOKENS, PrefixCaches, TalkTurn, turns
from bench.economy_world import MIDNIGHT, World

BEGIN, SECONDS, PROJECTS = MIDNIGHT.timestamp(), 3600.0, 8


@pytest.fixture(scope="module")
def figures() -> dict[str, TalkFigures]:
    requests = list(turns(400, BEGIN, SECONDS))
    alone = World(ONE_PROJECT, BEGIN, SECONDS, projects=1)
    world = World(LIMITS, BEGIN, SECONDS, projects=PROJECTS)
    found = {way: talked(world, way, requests) for way in ("", "session", "prefix")}
    return found | {"alone": talked(alone, "", requests)}


@pytest.mark.parametrize("way", ["session", "prefix"])
def test_sticky_conversations_find_what_one_project_alone_would_have(figures, way):
    assert figures[way].cached_share >= 0.9 * figures["alone"].cached_share
    assert figures[way].cached_share > 1.3 * figures[""].cached_share
    assert figures[way].answered == figures[way].offered


def test_without_it_each_project_has_the_same_number_of_requests(figures):
    assert figures[""].furthest < 0.02


def test_a_cache_has_what_it_was_asked_lately_and_at_that_project_only():
    caches = PrefixCaches()
    first = TalkTurn(BEGIN, 1, app=0, number=0, llm_tokens=2000)
    second = first._replace(at=BEGIN + 60, number=1, llm_tokens=2500)

    assert caches.cached("one", first) == 0
    assert caches.cached("one", second) == 2000
    assert caches.cached("other", second) == 0
    assert caches.cached("one", second._replace(conversation=2)) == SYSTEM_LLM_TOKENS
    assert caches.cached("one", second._replace(at=BEGIN + 1000)) == 0
