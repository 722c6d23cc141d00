"""What a client token's request may name is what nobody can read otherwise."""

import gzip
import json

import pytest

from proxyapp.access.token_book import ANYONE, Client
from proxyapp.forwarding.plain_naming import refuse_ambiguous
from proxyapp.forwarding.plan import plan
from proxyapp.forwarding.request_body import SHORT_BYTES, RequestBody
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.vocabulary.errors import BadRequest
from tests.support.snapshots import snapshot

POOL = snapshot("aaa")
TENANT = Client(id=7)
GENERATE = b"/v1beta/models/gemini-2.5-pro:generateContent"
URI = "https://generativelanguage.googleapis.com/v1beta/files/abc"
STRICT = json.dumps({"contents": [{"parts": [{"fileData": {"fileUri": URI}}]}]}).encode()
PYTHON = json.dumps({"contents": [{"parts": [{"text": f"{{'fileUri': '{URI}'}}"}]}]}).encode()
JSON = b"application/json"


async def ask(
    body: bytes = b"",
    *,
    path: bytes = GENERATE,
    client: Client = TENANT,
    content_type: bytes = JSON,
    coding: bytes = b"",
) -> RequestPlan:
    headers = [(b"content-type", content_type)]
    if coding:
        headers.append((b"content-encoding", coding))
    planned = plan(
        POOL,
        method="POST",
        path=path,
        query=None,
        headers=headers,
        body=RequestBody(body, length=len(body)),
        client=client,
    )
    await refuse_ambiguous(POOL, planned)
    return planned


LENIENT = [
    b"{'contents': [{'parts': [{'fileData': {'fileUri': '%b'}}]}]}" % URI.encode(),
    b'{contents: [{parts: [{fileData: {fileUri: "%b"}}]}]}' % URI.encode(),
    b'{"contents": [{"parts": [{"fileData": {"file\\Uri": "%b"}}]}]}' % URI.encode(),
    b"{'cachedContent': 'cached\\Contents/c'}",
    b"{cachedContent: 'cachedContents\\/c'}",
]


@pytest.mark.parametrize("body", LENIENT)
@pytest.mark.parametrize("length", [0, 2 * SHORT_BYTES])
async def test_a_body_that_only_a_lenient_parser_takes_names_nothing(
    body: bytes, length: int
) -> None:
    with pytest.raises(BadRequest, match="not strict JSON"):
        await ask(body[:-1] + b" " * length + b"}")


async def test_an_interaction_of_an_id_without_its_kind_is_strict_json() -> None:
    with pytest.raises(BadRequest, match="not strict JSON"):
        await ask(b"{'previous_interaction_id': 'v1_abc'}", path=b"/v1beta/interactions")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"body": gzip.compress(STRICT), "coding": b"gzip"}, "without Content-Encoding"),
        ({"body": STRICT, "content_type": b"application/x-protobuf"}, "has to be JSON"),
        ({"body": b'[["a"]]', "content_type": b"application/json+protobuf"}, "has to be JSON"),
        (
            {
                "body": b"cachedContent=cachedContents%2Fc",
                "content_type": b"application/x-www-form-urlencoded",
            },
            "What a form names",
        ),
        ({"path": b"/v1beta/files%2Fabc"}, "two ways"),
        ({"path": b"/v1beta/files%252Fabc"}, "two ways"),
        ({"path": b"/google.ai.generativelanguage.v1beta.FileService/ListFiles"}, "two ways"),
    ],
)
async def test_what_nobody_looks_through_is_refused(more: dict[str, bytes], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        await ask(**more)  # type: ignore[arg-type]
    await ask(**more, client=ANYONE)
    await ask(**more, client=Client(id=7, shared_resources=True))


@pytest.mark.parametrize(
    "more",
    [
        {"body": STRICT},
        {"body": PYTHON},
        {"body": PYTHON[:-1] + b" " * 2 * SHORT_BYTES + b"}"},
        {"body": STRICT, "content_type": b"application/x-www-form-urlencoded"},
        {"body": b"{'contents': [{'parts': [{'text': 'hi'}]}]}"},
        {"path": b"/v1beta/models/gemini-2.5-pro%3AcountTokens"},
        {"path": b"/v1beta/files/abc%3Adownload"},
        {"path": b"/upload/v1beta/files", "body": LENIENT[0], "coding": b"gzip"},
    ],
)
async def test_what_clients_send_is_taken(more: dict[str, bytes]) -> None:
    planned = await ask(**more)  # type: ignore[arg-type]

    assert planned.client == TENANT
