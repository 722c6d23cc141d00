"""An upstream that answers to any name of a model: tables and pages stay small."""

import json
from typing import Any

import httpx
import pytest

from proxyapp.ledger.model_names import MOST_OF_CLIENT, MOST_OF_KEY, OTHERS
from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway_tokens import make_tokens
from tests.support.waiting import wait_for

JSON = [("Content-Type", "application/json")]
TOLD = {"usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 3}, "candidates": [{}]}
ASKED = 200
COUNT = """
import json
from proxyapp.models import HourlyUsage, TokenUsage
names = "model", "requests", "prompt_tokens", "output_tokens"
print(json.dumps([list(table.objects.values(*names)) for table in (HourlyUsage, TokenUsage)]))
"""


@pytest.mark.parametrize("is_client", [False, True])
def test_endless_models_that_succeed_fill_no_table(
    make_gateway: MakeGateway, upstream: FakeUpstream, is_client: bool
):
    gateway = make_gateway(["KEY-A"])
    token = make_tokens(gateway, {"app": {}})["app"] if is_client else "x"
    if is_client:
        wait_for(lambda: httpx.get(gateway.url + "/v1beta/x", trust_env=False).status_code == 401)
    upstream.refuse("KEY-A", status=200, body=json.dumps(TOLD).encode(), headers=JSON)
    headers = {"x-goog-api-key": token}
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as client:
        for number in range(ASKED):
            path = f"/v1beta/models/name-{number}:generateContent"
            assert client.post(path, json={}).status_code == 200

    assert gateway.stop() == 0
    done = gateway.manage("shell", "--no-imports", "-c", COUNT)
    of_key, of_client = json.loads(done.stdout)

    most = MOST_OF_CLIENT if is_client else MOST_OF_KEY
    assert_counted(of_key, most)
    if is_client:
        assert_counted(of_client, most)


def assert_counted(rows: list[dict[str, Any]], most: int) -> None:
    """Nothing is lost. A test that crosses a full hour has the names of two."""
    rows = [row for row in rows if row["model"]]
    models = {row["model"] for row in rows}
    assert most < len(models) <= ASKED - 8
    assert OTHERS in models
    assert sum(row["requests"] for row in rows) == ASKED
    assert sum(row["prompt_tokens"] for row in rows) == 2 * ASKED
    assert sum(row["output_tokens"] for row in rows) == 3 * ASKED
