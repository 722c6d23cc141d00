"""Exits that fail are told where operators look."""

from dataclasses import replace

import pytest

from proxyapp.operators.attention import RuntimeFacts, attention
from proxyapp.operators.standing import Standing, read_facts
from proxyapp.pool.exits import Exits
from tests.support.pool_data import NOW, add_group, add_key
from tests.support.snapshots import group

pytestmark = pytest.mark.django_db


def failing(count: int) -> Exits:
    exits = Exits()
    for number in range(1, count + 1):
        url = f"socks5://user:word-MARKER@exit-{number}.example:1080"
        its = replace(group(1, "main"), proxy_url=url, has_exit=True)
        exits.failed(its, f"proxy exit-{number}.example:1080: refused")
    return exits


def told(exits: Exits) -> list[str]:
    add_key(add_group("main"), "one")
    facts = RuntimeFacts(exits=exits.failing)
    return [item["text"] for item in attention(Standing(read_facts(NOW), NOW), [], facts, NOW)]


def test_the_dashboard_tells_which_and_why():
    assert told(failing(1)) == [
        "Exit socks5://***@exit-1.example:1080 of group main fails, and its keys let their turns"
        " pass: proxy exit-1.example:1080: refused"
    ]


def test_of_many_it_tells_some_and_counts_the_others():
    texts = told(failing(9))

    assert len(texts) < 9
    assert texts[-1].endswith("more exits fail.")
    assert "MARKER" not in str(texts)
