"""Small answers that grow to gigabytes, or to a maze, cost little.

They are judged, counted and relayed.
"""

import gzip
import json
import time
import zlib
from collections.abc import Callable

import pytest

from proxyapp.provider.codings import DECODED_BYTES, decoded
from proxyapp.provider.kinds import Kind
from proxyapp.provider.llm_tokens import LlmTokenCounter, LlmTokens
from tests.conftest import MakeGateway
from tests.support.fake_upstream import Connection, FakeUpstream, Recorded
from tests.support.gateway import Gateway
from tests.support.raw_client import exchange
from tests.support.refusals import judged

MEGABYTE = 1 << 20
GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
SECONDS = 1.0  # of CPU; a bomb of a gigabyte takes several


def bomb(wbits: int, megabytes: int = 1000) -> bytes:
    """As many megabytes of zeros in a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(megabytes)) + packer.flush()


@pytest.fixture(scope="module")
def gigabyte() -> bytes:
    return bomb(31)


def seconds_of(act: Callable[[], object]) -> float:
    since = time.process_time()
    act()
    return time.process_time() - since


@pytest.mark.parametrize(
    ("wbits", "encoding"), [(31, b"gzip"), (15, b"deflate"), (-15, b"deflate")]
)
def test_a_bomb_in_a_refusal_is_read_no_further_than_a_megabyte(wbits: int, encoding: bytes):
    body = bomb(wbits, 64)
    headers = [(b"content-encoding", encoding)]

    assert len(decoded(body, encoding)) <= DECODED_BYTES
    assert seconds_of(lambda: judged(body, 429, headers=headers)) < SECONDS
    verdict = judged(body, 429, headers=headers)
    assert verdict.kind is Kind.UNKNOWN_LIMIT


def test_a_bomb_inside_a_bomb_is_opened_once(gigabyte: bytes):
    body = gzip.compress(gigabyte)

    assert len(decoded(body, b"gzip")) <= DECODED_BYTES
    assert seconds_of(lambda: judged(decoded(body, b"gzip"), 429)) < SECONDS


def test_a_bomb_in_a_good_answer_is_not_looked_through(gigabyte: bytes):
    counter = LlmTokenCounter(b"gzip")

    def count() -> None:
        for start in range(0, len(gigabyte), 65536):
            counter.feed(gigabyte[start : start + 65536])

    assert seconds_of(count) < SECONDS
    assert (counter.llm_tokens(), counter.error()) == (LlmTokens(), b"")


def test_an_answer_that_is_very_repetitive_still_counts_its_tokens():
    text = (
        b'{"candidates": [{"text": "'
        + b"ha " * 2_000_000
        + b'"}], "usageMetadata": {"promptTokenCount": 7}}'
    )
    counter = LlmTokenCounter(b"gzip")
    counter.feed(gzip.compress(text))

    assert counter.llm_tokens() == LlmTokens(7, 0)


@pytest.mark.parametrize("depth", [1000, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"error":', b"}"), (b'{"details":[', b"]}")]
)
def test_a_maze_of_json_is_no_evidence_and_costs_no_time(
    depth: int, opening: bytes, closing: bytes
):
    body = opening * depth + b"1" + closing * depth

    assert seconds_of(lambda: judged(body, 403)) < SECONDS
    assert judged(body, 403).kind is Kind.REQUEST


# Through a real gateway.


@pytest.fixture(params=["daphne", "uvicorn"])
def gateway(request: pytest.FixtureRequest, make_gateway: MakeGateway) -> Gateway:
    return make_gateway(["KEY-A", "KEY-B"], server=request.param, rate_limit_policy="quota_aware")


def test_bombs_burn_no_key_and_arrive_as_they_are(
    gateway: Gateway, upstream: FakeUpstream, gigabyte: bytes
):
    async def refuse(request: Recorded, connection: Connection) -> None:
        await connection.answer(403, gigabyte, [("Content-Encoding", "gzip")])

    async def answer(request: Recorded, connection: Connection) -> None:
        await connection.answer(200, gigabyte, [("Content-Encoding", "gzip")])

    upstream.on(GENERATE, refuse)
    upstream.on(STREAM, answer)

    refused = exchange(gateway.url, "POST", GENERATE, [], b"{}")
    answered = exchange(gateway.url, "POST", STREAM, [], b"{}")

    assert (refused.status, refused.body == gigabyte) == (403, True)
    assert (answered.status, answered.body == gigabyte) == (200, True)
    health = json.loads(exchange(gateway.url, "GET", "/readyz").body)
    assert health["keys"]["available"] == 2
