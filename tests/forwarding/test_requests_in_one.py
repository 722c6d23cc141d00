"""What a client that sees its own only may send as several requests in one."""

import pytest

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import RequestBody
from proxyapp.forwarding.requests_in_one import refuse_requests_in_one
from proxyapp.vocabulary.errors import NotAllowed
from tests.support.snapshots import snapshot

TENANT, SHARED = Client(id=7), Client(id=8, shared_resources=True)
ASK = b"POST /v1beta/models/gemini-2.5-pro:generateContent HTTP/1.1\r\n\r\n{}\r\n"
PROMPT = b'{"contents": [{"parts": [{"text": "which files are 100% mine?"}]}]}\r\n'
LISTS = [
    b"GET /v1beta/files HTTP/1.1\r\n",
    b"get v1beta/cachedContents\r\n",
    b"GET /v1beta/%66iles\r\n",
    b"GET /v1beta/%2566iles\r\n",
    b'{"requests": [{"url": "\\/v1beta\\/batches?pageSize=1"}]}',
    b'{"requests": [{"url": "/v1beta/fi\\u006ces"}]}',
    b"POST /google.ai.generativelanguage.v1beta.FileService/ListFiles\r\n",
    b"Content-Transfer-Encoding: base64\r\n\r\nR0VUIC92MWJldGEvZmlsZXM=\r\n",
    ASK + b'{"cachedContent": "cachedContents/b"}',
    ASK * 3000 + b"GET /v1beta/interactions/i\r\n",
]


async def is_refused(body: bytes, client: Client = TENANT) -> bool:
    pool = snapshot("aaa")
    planned = plan(
        pool,
        method="POST",
        path=b"/batch",
        query=None,
        headers=[],
        body=RequestBody(body, length=len(body)),
        client=client,
    )
    try:
        await refuse_requests_in_one(pool, planned)
    except NotAllowed as error:
        return "(/batch)" in error.message
    return False


@pytest.mark.parametrize("body", LISTS)
async def test_nothing_that_may_be_anothers_is_asked_for_among_others(body: bytes) -> None:
    assert await is_refused(body)


@pytest.mark.parametrize("body", [ASK * 50 + PROMPT, PROMPT * 2000, b""])
async def test_models_are_asked_as_often_as_wanted(body: bytes) -> None:
    assert not await is_refused(body)


@pytest.mark.parametrize("client", [ANYONE, SHARED])
async def test_who_sees_all_asks_for_all(client: Client) -> None:
    assert not await is_refused(LISTS[0], client)
