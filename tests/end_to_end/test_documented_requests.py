"""Requests that the documents show are answered as they stand, by a gateway of one group."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.documented_requests import run_block
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.snippets import blocks
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

# What others ask: the clients' own matrix, the providers' test, and that of the management API.
ELSEWHERE = {"docs/CLIENTS.md", "docs/PROVIDERS.md", "docs/ADMIN.md"}
SHOWN = [
    block
    for block in blocks("sh", "bash")
    if "curl " in block.text and block.document not in ELSEWHERE
]


def metrics_of(gateway: Gateway) -> bytes:
    return httpx.get(f"{gateway.url}/metrics", trust_env=False).content


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with FakeUpstream() as google:
        config = {"groups": [group(["KEY-A"], google.url, "default-gemini", auth="google")]}
        with Gateway(config) as running:
            httpx.get(f"{running.url}/v1beta/models", trust_env=False)
            wait_for(lambda: b"gateway_requests_total{" in metrics_of(running))
            yield running


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.place)
def test_a_block_runs_as_it_stands(block, gateway: Gateway) -> None:
    done = run_block(block.text, gateway.url)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout


def test_there_are_some() -> None:
    assert {block.document for block in SHOWN} >= {"docs/START.md", "docs/METRICS.md"}
