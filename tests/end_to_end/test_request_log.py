"""What a real gateway logs of requests."""

import json

import pytest

from tests.conftest import MakeGateway
from tests.support.quota_gateway import native
from tests.support.raw_client import exchange


def ask(url: str) -> str:
    answer = exchange(url, "POST", native("gemini-2.5-flash"), [], b'{"contents": []}')
    return dict(answer.headers)["x-request-id"]


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_request_is_in_the_log_though_the_gateway_stops_at_once(
    make_gateway: MakeGateway, server: str
):
    gateway = make_gateway(["KEY-A"], server=server)
    request_id = ask(gateway.url)
    gateway.stop()

    (row,) = json.loads(gateway.manage("requests", "--json").stdout)

    assert (row["id"], row["status"], row["outcome"]) == (request_id, 200, "ok")
    assert (row["model"], row["endpoint"], row["address"]) == (
        *("gemini-2.5-flash", "generate", "127.0.0.1"),
    )
    assert [attempt["verdict"] for attempt in row["attempts"]] == ["succeeded"]


def test_nothing_is_logged_where_the_log_is_off(make_gateway: MakeGateway):
    gateway = make_gateway(["KEY-A"], env={"REQUEST_LOG": "off"})
    ask(gateway.url)
    gateway.stop()

    assert gateway.manage("requests", "--json").stdout.strip() == "[]"
