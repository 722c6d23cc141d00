"""What requests cost: counted with their usage, by whoever used which key."""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import rows
from tests.support.gateway_tokens import make_tokens
from tests.support.raw_client import RawResponse, exchange
from tests.support.telling_gateway import PROGRAM, told_in
from tests.support.waiting import wait_for

Script = Callable[[Recorded, Connection], Awaitable[None]]
pytestmark = pytest.mark.parametrize("server", ["daphne", "uvicorn"])
USAGE = {"promptTokenCount": 300_000, "cachedContentTokenCount": 100_000, "thoughtsTokenCount": 10}
# 200,000 at 2.50, 100,000 at 0.25, 10 at 15.00.
PRO = 500_000 + 25_000 + 150
PRICED, UNPRICED = "gemini-2.5-pro", "gemini-9-ultra"
TABLES = ("hourlyusage", "keytotal", "modelhour", "minuteusage", "tokenusage")


def told(usage: dict[str, Any]) -> Script:
    said = [{"content": {"parts": [{"text": "a"}]}}]
    body = json.dumps({"candidates": said, "usageMetadata": usage}).encode()

    async def answer(_: Recorded, connection: Connection) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        await connection.send(head % len(body) + body)

    return answer


@pytest.fixture
def gateway(upstream: FakeUpstream, server: str) -> Iterator[Gateway]:
    groups = [
        group(["KEY-A"], upstream.url, auth="google", name="paid"),
        group(["KEY-B"], upstream.url, auth="google", name="gratis", free=True),
    ]
    for model in (PRICED, UNPRICED):
        upstream.on(f"/v1beta/models/{model}:generateContent", told(USAGE))
    with Gateway({"groups": groups}, server=server, program=PROGRAM) as running:
        yield running


class Asking:
    def __init__(self, gateway: Gateway, **terms: Any) -> None:
        self._url = gateway.url
        self._token = make_tokens(gateway, {"client": terms})["client"]
        wait_for(lambda: exchange(gateway.url, "GET", "/v1beta/models", [], b"").status == 401)

    def ask(self, model: str = PRICED, of_group: str = "paid") -> RawResponse:
        headers = [("x-goog-api-key", self._token), ("Content-Type", "application/json")]
        path = f"/g/{of_group}/v1beta/models/{model}:generateContent"
        return exchange(self._url, "POST", path, headers, b'{"contents":[]}')


def test_each_request_costs_what_its_model_and_its_group_say(gateway: Gateway) -> None:
    asking = Asking(gateway)
    for of_group, model in (("paid", PRICED), ("paid", UNPRICED), ("gratis", PRICED)):
        assert asking.ask(model, of_group).status == 200
    assert asking.ask().status == 200
    assert gateway.stop() == 0

    told_of = [each for each in told_in(gateway.output()) if each["client_id"]]
    assert [each["cost_micros"] for each in told_of] == [PRO, None, 0, PRO]
    for table in TABLES:
        sums = f"SELECT sum(cost_micros), sum(unpriced_tokens) FROM proxyapp_{table}"
        assert tuple(map(int, rows(gateway, sums)[0])) == (2 * PRO, 300_010), table


def test_a_client_that_has_spent_its_budget_is_told_which_and_until_when(gateway: Gateway) -> None:
    asking = Asking(gateway, cost_per_day=PRO + 1, cost_per_month=100 * PRO)
    statuses = [asking.ask().status for _ in range(3)]
    refused = asking.ask()

    assert statuses == [200, 200, 429]
    text = refused.body.decode()
    assert "The budget of this client token, 0.525151 USD a day, is spent (1.05)." in text
    assert "00:00:00 UTC" in text
    assert 0 < int(refused.values("retry-after")[0]) <= 86_400
    gateway.stop()
    gateway.start()
    assert asking.ask().status == 429
