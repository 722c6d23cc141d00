"""A file that one group's key made, and a model that only another group has."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.quota_gateway import FLASH, PRO, native

PROJECTS = {"KEY-A": "red", "KEY-B": "blue"}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with FakeUpstream(strict=True, keys=PROJECTS, projects=PROJECTS) as upstream:
        groups = [
            group(["KEY-A"], upstream.url, "a", auth="google", models=[FLASH]),
            group(["KEY-B"], upstream.url, "b", auth="google", models=[PRO], aliases={"p": PRO}),
        ]
        with Gateway({"groups": groups}) as running:
            yield running


def post(gateway: Gateway, path: str, body: Any) -> httpx.Response:
    return httpx.post(gateway.url + path, json=body, timeout=30, trust_env=False)


def test_it_is_used_where_the_model_is_and_else_the_reason_is_said(gateway: Gateway) -> None:
    made = post(gateway, "/g/b/v1beta/files", {"file": {"displayName": "x"}}).json()["file"]
    part = {"fileData": {"fileUri": made["uri"], "mimeType": "text/plain"}}
    body = {"contents": [{"parts": [part]}]}

    assert post(gateway, native(PRO), body).status_code == 200
    assert post(gateway, native("p"), body).status_code == 200
    other = post(gateway, native(FLASH), body)

    assert other.status_code == 400
    assert f"{made['name']} belongs to the key" in other.text
    assert f"does not have the model '{FLASH}'" in other.text
