"""The official SDKs meet a minute limit.

It costs one model of one project, for that minute, and no client a thing.
"""

import time

import pytest
from google import genai
from google.genai import types
from openai import OpenAI

from tests.conftest import MakeGateway
from tests.support.fake_quotas import Limits, Quotas
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway
from tests.support.quota_gateway import FLASH, PRO, cooldowns, keyed
from tests.support.waiting import wait_for

KEYS = [keyed("KEY-A", "one"), keyed("KEY-B", "one"), keyed("KEY-C", "two")]
DELAY = 8


@pytest.fixture
def gateway(make_gateway: MakeGateway, upstream: FakeUpstream) -> Gateway:
    """Both projects may ask the pro model twice a minute.

    Project one has done so, and may again in DELAY seconds.
    """
    gateway = make_gateway(KEYS, rate_limit_policy="quota_aware")
    upstream.quotas = Quotas({PRO: Limits(2, 100)}, {key["key"]: key["project"] for key in KEYS})
    for _ in range(2):
        assert upstream.quotas.ask("KEY-A", PRO, time.time() - 60 + DELAY) is None
    return gateway


def generate(gateway: Gateway, model: str) -> str | None:
    client = genai.Client(api_key="any", http_options=types.HttpOptions(base_url=gateway.url))
    return client.models.generate_content(model=model, contents="hi").text


def chat(gateway: Gateway, model: str) -> str | None:
    client = OpenAI(base_url=f"{gateway.url}/v1beta/openai/", api_key="any", max_retries=0)
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hi"}]
    )
    return answer.choices[0].message.content


@pytest.mark.parametrize("ask", [generate, chat])
def test_a_minute_limit_costs_one_model_of_one_project_one_minute(gateway, upstream, ask):
    began = time.monotonic()
    answers = [
        ask(gateway, PRO),
        ask(gateway, PRO),
        ask(gateway, FLASH),
        ask(gateway, FLASH),
        ask(gateway, FLASH),
    ]

    assert answers == ["one two three"] * 5
    assert upstream.picked()[:3] == ["KEY-A", "KEY-C", "KEY-C"], (
        "one refusal for the project, not one for each key"
    )
    assert set(upstream.picked()[3:]) == {"KEY-A", "KEY-B", "KEY-C"}, (
        "the other model keeps all keys"
    )
    assert cooldowns(gateway) == [[(PRO, "minute")], [(PRO, "minute")], []]
    assert [key["state"] for key in gateway.keys()] == ["available"] * 3
    wait_for(lambda: cooldowns(gateway) == [[], [], []], DELAY + 10)
    assert time.monotonic() - began >= DELAY - 1.5
    assert ask(gateway, PRO) == "one two three"
    assert upstream.picked()[-1] in {"KEY-A", "KEY-B"}, "project two has used its two"
