"""By what a request goes on with a conversation, and whose conversation that is."""

import json
from typing import Any

import pytest

from proxyapp.access.token_book import Client
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.pool.cooldowns import Cooldowns
from proxyapp.pool.snapshot import Snapshot, build
from tests.support.snapshots import group

GENERATE = b"/v1beta/models/gemini-2.5-pro:generateContent"
CHAT = b"/v1beta/openai/chat/completions"
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
MESSAGES = {"model": "gemini-2.5-pro", "messages": [{"role": "user", "content": "Hi"}]}
SESSION = (b"x-gateway-session", b"thread 7")


def pool(*modes: str) -> Snapshot:
    groups = [group(number, f"g{number}", sticky=mode) for number, mode in enumerate(modes, 1)]
    made = build(1, groups, [], Cooldowns())
    made.add_ring(frozenset({1}))
    return made


def conversation(
    there: Snapshot, body: Any = CONTENTS, path: bytes = GENERATE, **given: Any
) -> int | None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    rest = {"method": "POST", "query": None, "headers": [], "client": Client(id=0), **given}
    return plan(there, path=path, body=RequestBody(data, length=len(data)), **rest).conversation


@pytest.mark.parametrize("mode", ["session", "prefix"])
def test_the_header_names_it_whatever_the_body_says(mode: str):
    there = pool(mode)

    named = conversation(there, headers=[SESSION])

    assert named is not None
    assert named == conversation(there, {"contents": []}, headers=[SESSION])
    assert named == conversation(there, MESSAGES, CHAT, headers=[SESSION])
    assert named != conversation(there, headers=[(SESSION[0], b"thread 8")])


@pytest.mark.parametrize("mode", ["session", "prefix"])
def test_openais_clients_name_it_in_the_body(mode: str):
    there = pool(mode)

    of_user = conversation(there, {**MESSAGES, "user": "ann"}, CHAT)
    of_cache = conversation(there, {**MESSAGES, "user": "ann", "prompt_cache_key": "7"}, CHAT)

    assert len({None, of_user, of_cache}) == 3
    assert of_user == conversation(there, {"messages": [], "user": "ann"}, CHAT)
    assert conversation(there, {**MESSAGES, "user": "ann"}, CHAT, headers=[SESSION]) not in (
        of_user,
        of_cache,
    )


def test_without_a_name_only_the_prefix_tells():
    assert conversation(pool("session")) is None
    assert conversation(pool("prefix")) is not None
    assert conversation(pool("prefix"), b"\x1f\x8bpacked") is None
    assert conversation(pool("prefix"), {"content": {}}, GENERATE[:-15] + b"embedContent") is None


def test_nothing_is_read_where_no_group_of_the_ring_is_sticky():
    assert conversation(pool("", ""), headers=[SESSION]) is None
    assert conversation(pool("", "prefix"), path=b"/g/g1" + GENERATE, headers=[SESSION]) is None
    assert conversation(pool("", "prefix"), path=b"/g/g2" + GENERATE, headers=[SESSION]) is not None


def test_where_groups_take_turns_one_that_is_sticky_will_do():
    assert conversation(pool("", "session"), headers=[SESSION]) is not None
    assert conversation(pool("session", "prefix")) is not None


def test_two_clients_with_the_same_words_do_not_meet_by_them():
    there = pool("prefix")
    named: list[dict[str, Any]] = [{}, {"headers": [SESSION]}]
    for more in named:
        assert conversation(there, client=Client(id=1), **more) != conversation(
            there, client=Client(id=2), **more
        )


def test_a_name_is_never_a_prefix():
    """Who names what another prompt's prefix is made of does not come to its number."""
    there = pool("prefix")
    start = json.dumps(CONTENTS["contents"]).encode()

    assert conversation(there) != conversation(there, headers=[(SESSION[0], start)])


@pytest.mark.parametrize("name", [b"a\nb", b"\x00", b"\xff" * 5, b"x" * 1_000_000])
def test_any_name_will_do(name: bytes):
    assert conversation(pool("session"), headers=[(SESSION[0], name)]) is not None


def test_an_empty_name_is_none():
    assert conversation(pool("session"), headers=[(SESSION[0], b"")]) is None


def test_a_file_or_a_list_goes_on_with_nothing():
    there = pool("prefix")
    for method, path in (("GET", b"/v1beta/models"), ("POST", b"/upload/v1beta/files")):
        assert conversation(there, path=path, method=method, headers=[SESSION]) is None
