"""`sticky`: a conversation stays at one project, and takes the next one while that is out."""

import functools
from collections import Counter

import httpx
import pytest

from tests.support.gateway_tokens import make_tokens
from tests.support.quota_gateway import CHAT, keyed, native
from tests.support.waiting import wait_for

PROJECTS = {f"KEY-{letter}{number}": letter for letter in "ABCDE" for number in (1, 2)}
KEYS = [keyed(name, project) for name, project in PROJECTS.items()]
BOTH = pytest.mark.parametrize("server", ["daphne", "uvicorn"])


@pytest.fixture
def sticky(make_gateway):
    def make(mode: str, **fields):
        return make_gateway(KEYS, rate_limit_policy="quota_aware", sticky=mode, **fields)

    return make


def ask(gateway, turns, *, session: str | None = None, path: str = native(), **more):
    roles = ["user", "model"] * len(turns)
    contents = [
        {"role": role, "parts": [{"text": text}]} for role, text in zip(roles, turns, strict=False)
    ]
    headers = {**({"X-Gateway-Session": session} if session else {}), **more.pop("headers", {})}
    body = {"contents": contents, **more}
    return httpx.post(gateway.url + path, json=body, headers=headers, timeout=30, trust_env=False)


def projects(upstream) -> list[str]:
    found = [PROJECTS[key] for key in upstream.picked()]
    upstream.reset()
    return found


@BOTH
def test_a_named_conversation_stays_and_its_name_stays_here(sticky, upstream, server):
    gateway = sticky("session", server=server)

    for number in range(6):
        assert ask(gateway, [f"question {number}"], session="thread-7").status_code == 200

    assert not any(name.lower() == b"x-gateway-session" for name, _ in upstream.last.headers)
    picked = upstream.picked()
    assert sorted(Counter(picked).values()) == [3, 3]
    assert len(set(projects(upstream))) == 1


@BOTH
def test_a_conversation_that_grows_stays_and_others_go_elsewhere(sticky, upstream, server):
    gateway = sticky("prefix", server=server)
    met = []
    for number in range(12):
        turns = [f"question {number}"]
        for more in ("Because.", "Why?", "So."):
            ask(gateway, turns)
            turns += [more, "x" * 30_000]
        (project,) = set(projects(upstream))
        met.append(project)
    assert len(set(met)) > 2


def test_who_names_nothing_takes_turns_as_ever(sticky, upstream):
    gateway = sticky("session")

    for _ in range(10):
        ask(gateway, ["the same"])
        ask(gateway, ["the same"], session="one")

    assert upstream.picked()[::2] == list(PROJECTS)


def test_one_name_for_everything_takes_one_projects_minute_and_then_the_next_ones(sticky, upstream):
    gateway = sticky("session", env={"QUEUE_SECONDS": "0"})
    ask(gateway, ["hi"], session="all")
    (first,) = projects(upstream)
    for key, project in PROJECTS.items():
        if project == first:
            upstream.refuse(key, body="429_free_rpm_2_old_wording")

    answers = [ask(gateway, ["hi"], session="all") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}
    refused, *answered = projects(upstream)
    assert refused == first
    assert len(set(answered)) == 1
    assert answered[0] != first


def test_one_name_for_everything_goes_from_limit_to_limit_without_a_refusal(sticky, upstream):
    gateway = sticky("session", limits={"gemini-*": {"requests_per_minute": 2}})

    answers = [ask(gateway, ["hi"], session="all") for _ in range(10)]

    assert {answer.status_code for answer in answers} == {200}
    met = projects(upstream)
    assert sorted(Counter(met).values()) == [2] * 5
    assert met[::2] == met[1::2]


def test_openais_user_is_a_name_and_another_tenants_is_another(sticky, upstream):
    gateway = sticky("session")
    tokens = make_tokens(gateway, {f"client-{number}": {} for number in range(8)})

    def asked(token: str, text: str) -> int:
        message = {"role": "user", "content": text}
        body = {"messages": [message], "user": "ann", "model": "gemini-2.5-flash"}
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(gateway.url + CHAT, json=body, headers=headers, trust_env=False)
        return answer.status_code

    wait_for(lambda: asked("nobodys", "hi") == 401)
    for token in tokens.values():
        wait_for(functools.partial(lambda one: asked(one, "hi") == 200, token))
    upstream.reset()
    met = {}
    for name, token in tokens.items():
        assert [asked(token, text) for text in ("one", "two")] == [200, 200]
        (met[name],) = set(projects(upstream))
    assert len(set(met.values())) > 1
