"""What a body and a query name is found without a parse, and nothing that a prompt says."""

import json
import time
from collections.abc import Callable
from mmap import mmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.provider.long_json import finished
from proxyapp.resources import references
from proxyapp.resources.references import (
    MOST_REFERENCES,
    finding_references,
    references_in,
    references_in_query,
)

GENERATE = b"/v1beta/models/gemini-2.5-pro:generateContent"
SPEECH = b"/v1beta/models/gemini-2.5-pro-preview-tts:generateContent"
VIDEO = b"/v1beta/models/veo:predictLongRunning"
BATCH = b"/v1beta/models/m:batchGenerateContent"
IMPORT = b"/v1beta/fileSearchStores/s:importFile"
INTERACT = b"/v1beta/interactions"
CHAT = b"/v1beta/openai/chat/completions"
JOB = b"/v1beta/openai/batches"
URI = "https://generativelanguage.googleapis.com/v1beta/files/abc"
# Microseconds of one core, several times what they are by themselves.
SHORT, LONG = 12.0, 600.0
STORES = ["fileSearchStores/a", "fileSearchStores/b"]
NAMING = [
    (GENERATE, {"contents": [{"parts": [{"fileData": {"fileUri": URI}}]}]}, ["files/abc"]),
    (
        GENERATE,
        {"contents": [{"parts": [{"file_data": {"file_uri": "files/abc"}}]}]},
        ["files/abc"],
    ),
    (GENERATE, {"cachedContent": "cachedContents/x"}, ["cachedContents/x"]),
    (GENERATE, {"cached_content": "cachedContents/x"}, ["cachedContents/x"]),
    (
        b"/v1beta/models/m:countTokens",
        {"r": {"cachedContent": "cachedContents/x"}},
        ["cachedContents/x"],
    ),
    (
        GENERATE,
        {"tools": [{"fileSearch": {"fileSearchStoreNames": STORES}}]},
        STORES,
    ),
    (
        INTERACT,
        {"tools": [{"file_search_store_names": ["fileSearchStores/a"]}]},
        ["fileSearchStores/a"],
    ),
    (INTERACT, {"previous_interaction_id": "v1_abc"}, ["interactions/v1_abc"]),
    (INTERACT, {"input": [{"type": "image", "uri": URI}]}, ["files/abc"]),
    (INTERACT, {"agent": "sentinel", "environment": "e1"}, ["agents/sentinel", "environments/e1"]),
    (INTERACT, {"agent": "agents/sentinel"}, ["agents/sentinel"]),
    (INTERACT, {"environment": {"environment_id": "e1"}}, ["environments/e1"]),
    (INTERACT, {"environment": "remote"}, []),
    (
        b"/v1beta/agents",
        {"base_agent": "mine", "env": {"k": {"credential": "c1"}}},
        ["agents/mine", "credentials/c1"],
    ),
    (b"/v1beta/triggers", {"interaction": {"previous_interaction_id": "i"}}, ["interactions/i"]),
    (SPEECH, {"speechConfig": {"voice": "voice_1"}}, ["voices/voice_1"]),
    (SPEECH, {"speechConfig": {"voice": "Puck"}}, []),
    (VIDEO, {"instances": [{"video": {"uri": URI + ":download?alt=media"}}]}, ["files/abc"]),
    (
        b"/v1beta/models/veo:fetchPredictOperation",
        {"operationName": "models/veo/operations/z"},
        ["models/veo/operations/z"],
    ),
    (BATCH, {"batch": {"inputConfig": {"fileName": "files/in"}}}, ["files/in"]),
    (BATCH, {"batch": {"input_config": {"file_name": "files/in"}}}, ["files/in"]),
    (
        b"/v1beta/models/m:asyncBatchEmbedContent",
        {"batch": {"inputConfig": {"fileName": "files/in"}}},
        ["files/in"],
    ),
    (IMPORT, {"fileName": "files/doc"}, ["files/doc"]),
    (
        CHAT,
        {"messages": [{"content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
        ["openai/files/file-1"],
    ),
    (
        CHAT,
        {"messages": [{"content": [{"type": "file", "file": {"file_id": URI}}]}]},
        ["files/abc"],
    ),
    (
        CHAT,
        {"extra_body": {"google": {"cached_content": "cachedContents/x"}}},
        ["cachedContents/x"],
    ),
    (b"/v1/responses", {"input": [{"file_id": "file-1"}]}, ["openai/files/file-1"]),
    (JOB, {"input_file_id": "file-1"}, ["openai/files/file-1"]),
    (JOB, {"input_file_id": "files/abc"}, ["files/abc"]),
    (b"/v1beta/openai/fine_tuning/jobs", {"training_file": "file-1"}, ["openai/files/file-1"]),
    (
        b"/v1beta/models/aqa:generateAnswer",
        {"semanticRetriever": {"source": "corpora/c"}},
        ["corpora/c"],
    ),
    (b"/v1beta/cachedContents", {"contents": [{"fileUri": URI}]}, ["files/abc"]),
]
NOT_NAMING = [
    (GENERATE, {"contents": [{"parts": [{"text": json.dumps({"fileUri": "files/x"})}]}]}),
    (GENERATE, {"contents": [{"parts": [{"text": 'say "fileUri": "files/x"'}]}]}),
    (GENERATE, {"text": json.dumps({"a": json.dumps({"fileUri": "files/x"})})}),
    (GENERATE, {'odd"fileUri': "files/x"}),
    (GENERATE, {"x": ["fileUri", "files/x"]}),
    (GENERATE, {"fileUri": {"fileUrl": "files/x"}}),
    (GENERATE, {"fileUri": ""}),
    (GENERATE, {"fileUri": "https://www.youtube.com/watch?v=x"}),
    (GENERATE, {"fileUri": "gs://bucket/files/x"}),
    (GENERATE, {"fileUri": "https://example.com/v1beta/files/x"}),
    (GENERATE, {"fileUri": "files/../x"}),
    (GENERATE, {"fileUri": "files/a\nb"}),
    (GENERATE, {"cachedContent": None, "fileUri": 5}),
    (GENERATE, {"args": {"file_name": "files/x", "file_id": "x", "uri": URI}}),
    (INTERACT, {"input": "interaction previous_interaction_id: x"}),
    (b"/upload/v1beta/files", {"file": {"fileUri": "files/x"}}),
    (b"/v1beta/openai/files", {"file_id": "file-1"}),
]
LAYOUTS: list[Callable[[object], bytes]] = [
    lambda value: json.dumps(value).encode(),
    lambda value: json.dumps(value, separators=(",", ":")).encode(),
    lambda value: json.dumps(value, indent=2).encode(),
    lambda value: json.dumps(value).replace("/", "\\/").encode(),
    lambda value: json.dumps(value, indent="\t").replace(": ", "\r\n : \r\n ").encode(),
]


@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
@pytest.mark.parametrize(("path", "body", "names"), NAMING)
def test_a_body_names_resources(path: bytes, body: object, names: list[str], layout: int):
    written = LAYOUTS[layout](body)

    assert references_in(written, path) == tuple(names)
    assert finished(finding_references(written, path)) == tuple(names)


@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
@pytest.mark.parametrize(("path", "body"), NOT_NAMING)
def test_what_is_none_is_none(path: bytes, body: object, layout: int):
    assert references_in(LAYOUTS[layout](body), path) == ()


@pytest.mark.parametrize(
    "body",
    [
        rb'{"\u0066ileUri": "files/x"}',
        rb'{"file\u0055ri": "files/x"}',
        rb'{"fil\u0065\u0055ri" : "file\u0073/x"}',
        rb'{"file\u005furi": "\u0066iles\u002Fx"}',
        rb'{"cached\u0043ontent": "x", "fileUr\u0069": ["files/x"]}',
    ],
)
def test_escapes_hide_nothing(body: bytes):
    """Else a client could name what is another's."""
    assert references_in(body, GENERATE) == ("files/x",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'"fileUri',
        b'{"fileUri":',
        b'{"fileUri":"',
        b'{"fileUri":"files/x',
        b'{"fileUri":["files/x',
        b'{"fileUri":"\\q/files"}',
        b"\xff\xfe",
        b'{"\\u00',
        b'{"\\u0066',
        b"[" * 1000,
    ],
)
def test_what_is_no_json_names_nothing_and_breaks_nothing(body: bytes):
    assert references_in(body, GENERATE) == ()
    assert finished(finding_references(body, GENERATE)) == ()


def test_each_name_is_told_once_in_their_order():
    body = json.dumps([{"fileUri": f"files/{name}"} for name in "cabacab"]).encode()

    assert references_in(body, GENERATE) == ("files/c", "files/a", "files/b")


@pytest.mark.parametrize("count", [MOST_REFERENCES, MOST_REFERENCES + 1, 5000])
def test_one_more_than_the_most_tells_of_too_many(count: int):
    parts = json.dumps([{"fileUri": f"files/f{number}"} for number in range(count)]).encode()
    stores = json.dumps({"fileSearchStoreNames": [f"fileSearchStores/s{n}" for n in range(count)]})

    for body in (parts, stores.encode()):
        assert len(references_in(body, GENERATE)) == min(count, MOST_REFERENCES + 1)
        assert len(finished(finding_references(body, GENERATE))) == min(count, MOST_REFERENCES + 1)


@given(start=st.integers(0, 60), spaces=st.integers(0, 200), step=st.integers(30, 90))
def test_a_step_may_end_anywhere(start: int, spaces: int, step: int):
    body = b" " * start + b'{"\\u0066ileUri"' + b" " * spaces + b':"files/a","cachedContent"'
    body += b" " * spaces + b":" + b"\n" * spaces + b'"cachedContents/c","text":"\\"fileUri\\":"}'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(references, "STEP_BYTES", step)
        found = finished(finding_references(body, GENERATE))

    assert found == ("files/a", "cachedContents/c")


def test_a_file_of_a_body_is_read_in_place(tmp_path: Path):
    kept = tmp_path / "body"
    kept.write_bytes(b'{"a":"' + b"x" * 200_000 + b'","fileUri":"files/a"}')
    with kept.open("r+b") as file, mmap(file.fileno(), 0) as body:
        steps = finding_references(body, GENERATE)
        assert next(steps) is None
        assert finished(steps) == ("files/a",)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (b"cachedContent=cachedContents/x", ("cachedContents/x",)),
        (
            b"alt=sse&generateContentRequest.cached_content=cachedContents%2Fx",
            ("cachedContents/x",),
        ),
        (b"%63achedContent=cachedContents/x", ("cachedContents/x",)),
        (b"alt=sse", ()),
        (b"", ()),
        (b"fileUri=https://example.com/files/x&cachedContent", ()),
    ],
)
def test_a_query_names_resources(query: bytes, names: tuple[str, ...]):
    assert references_in_query(query, GENERATE) == names


def test_requests_in_a_batch_of_requests_name_theirs():
    body = (
        b"--b\r\nContent-Type: application/http\r\n\r\nGET /v1beta/files/a?x=1 HTTP/1.1\r\n\r\n"
        b"--b\r\n\r\nPOST https://generativelanguage.googleapis.com/v1beta/models/m:generateContent\r\n\r\n"
        b'{"cachedContent":"cachedContents/c"}\r\n--b--'
    )

    assert set(references_in(body, b"/batch")) == {"files/a", "cachedContents/c"}
    assert references_in(b"GET /v1beta/files/a", GENERATE) == ()


def microseconds(call: Callable[[], object], times: int) -> float:
    best = float("inf")
    for _ in range(7):
        before = time.thread_time()
        for _ in range(times):
            call()
        best = min(best, time.thread_time() - before)
    return best / times * 1e6


def conversation(messages: int) -> bytes:
    text = "the file, its files/names, and a cache of 3/4: 'content' of \"it\"\n" * 14
    parts = [{"role": "user", "parts": [{"text": text}]} for _ in range(messages)]
    return json.dumps({"contents": parts}).encode()


@pytest.mark.parametrize("path", [GENERATE, CHAT, INTERACT])
def test_a_body_that_names_nothing_costs_next_to_nothing(path: bytes):
    short, long = conversation(2), conversation(102)

    assert 2000 < len(short) < 2600
    assert 100_000 < len(long) < 130_000
    assert references_in(long, path) == ()
    assert microseconds(lambda: references_in(short, path), 200) < SHORT
    assert microseconds(lambda: references_in(long, path), 10) < LONG


@pytest.mark.parametrize(
    "part",
    [
        b'{"fileUri":"files/one"},',
        b'{"fileUri":"https://a/%d"},',
        b'"fileUri":["files/..",',
        b'{"fileUri":"' + b"\\/" * 300 + b"},",
        b'"\\u0066\\u0066' + b"a" * 30,
    ],
)
def test_what_is_named_many_times_takes_a_bounded_time(part: bytes):
    body = b"[" + part * 10_000
    steps = finding_references(body, GENERATE)
    costs = []
    while True:
        before = time.thread_time()
        is_over = next(steps, 0) == 0
        costs.append(time.thread_time() - before)
        if is_over:
            break

    assert max(costs) < 0.05
    assert sum(costs) < len(body) * 2e-7
