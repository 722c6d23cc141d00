"""What an answer says was made, by the fields of the table and by nothing that a model wrote."""

import json

import pytest

from proxyapp.resources.answers import MOST_NAMES, READ_BYTES, names_made
from proxyapp.resources.kinds import KINDS

URI = "https://generativelanguage.googleapis.com/v1beta/files/v1"
VIDEO = {"response": {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": URI}}]}}}
FOREIGN = json.loads(json.dumps(VIDEO).replace("generativelanguage.googleapis", "example"))
MADE = [
    (b"/upload/v1beta/files", {"file": {"name": "files/a", "uri": URI}}, ["files/a"]),
    (b"/v1beta/files", {"name": "files/a"}, ["files/a"]),
    (
        b"/v1beta/files:register",
        {"files": [{"name": "files/a"}, {"name": "files/b"}]},
        ["files/a", "files/b"],
    ),
    (
        b"/v1beta/cachedContents",
        {"name": "cachedContents/c", "model": "models/m"},
        ["cachedContents/c"],
    ),
    (
        b"/v1beta/models/m:batchGenerateContent",
        {"name": "batches/b", "metadata": {}},
        ["batches/b"],
    ),
    (b"/v1beta/models/m:asyncBatchEmbedContent", {"name": "batches/b"}, ["batches/b"]),
    (
        b"/v1beta/models/veo:predictLongRunning",
        {"name": "models/veo/operations/o"},
        ["models/veo/operations/o"],
    ),
    (b"/v1beta/models/veo:predictLongRunning", {"name": "operations/o"}, ["operations/o"]),
    (
        b"/v1beta/models/veo/operations/o",
        {"name": "models/veo/operations/o", **VIDEO},
        ["files/v1"],
    ),
    (b"/v1beta/operations/o", {"name": "operations/o", "done": True, **VIDEO}, ["files/v1"]),
    (
        b"/v1beta/batches/b",
        {"name": "batches/b", "response": {"responsesFile": "files/r"}},
        ["files/r"],
    ),
    (b"/v1beta/batches/b", {"metadata": {"output": {"responsesFile": "files/r"}}}, ["files/r"]),
    (b"/v1beta/batches/b", {"dest": {"fileName": "files/r"}}, ["files/r"]),
    (b"/v1beta/tunedModels", {"name": "tunedModels/t/operations/o"}, ["tunedModels/t"]),
    (b"/v1beta/fileSearchStores", {"name": "fileSearchStores/s"}, ["fileSearchStores/s"]),
    (b"/v1beta/corpora", {"name": "corpora/c"}, ["corpora/c"]),
    (
        b"/v1beta/interactions",
        {"id": "v1_i", "outputs": [], "environment_id": "e"},
        ["interactions/v1_i", "environments/e"],
    ),
    (b"/v1beta/agents", {"id": "mine"}, ["agents/mine"]),
    (b"/v1beta/environments", {"id": "e"}, ["environments/e"]),
    (b"/v1beta/triggers", {"id": "t"}, ["triggers/t"]),
    (
        b"/v1beta/triggers/t/executions",
        {"interaction_id": "i", "environment_id": "e"},
        ["environments/e", "interactions/i"],
    ),
    (b"/v1beta/webhooks", {"id": "w", "name": "files/mine"}, ["webhooks/w"]),
    (b"/v1beta/voices", {"id": "voice_1", "type": "prompted"}, ["voices/voice_1"]),
    (b"/v1beta/credentials", {"id": "c"}, ["credentials/c"]),
    (b"/v1alpha/auth_tokens", {"name": "auth_tokens/t"}, ["auth_tokens/t"]),
    (b"/v1beta/openai/files", {"id": "file-1", "object": "file"}, ["openai/files/file-1"]),
    (b"/v1beta/openai/files", {"id": "files/a"}, ["files/a"]),
    (b"/v1beta/openai/batches", {"id": "batches/b", "input_file_id": "files/a"}, ["batches/b"]),
    (
        b"/v1beta/openai/batches/batch_1",
        {"id": "batch_1", "output_file_id": "file-o", "error_file_id": "file-e"},
        ["openai/files/file-o", "openai/files/file-e"],
    ),
    (b"/v1beta/openai/videos", {"id": "video_1"}, ["openai/videos/video_1"]),
]
NOT_MADE = [
    (
        b"/v1beta/models/m:generateContent",
        {"name": "files/a", "candidates": [{"text": '"name": "files/a"'}]},
    ),
    (b"/v1beta/interactions", {"outputs": [{"id": "i"}], "name": "files/a"}),
    (b"/v1beta/files/a", {"name": "files/a", "uri": URI}),
    (b"/v1beta/files", {"files": [{"name": "files/a"}], "nextPageToken": "x"}),
    (b"/v1beta/fileSearchStores/s:importFile", {"name": "fileSearchStores/s/operations/o"}),
    (
        b"/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore",
        {"name": "fileSearchStores/s/upload/operations/o"},
    ),
    (b"/upload/v1beta/files", {"file": {"name": "files/../a"}}),
    (b"/upload/v1beta/files", {"file": ["name"], "name": 5}),
    (b"/upload/v1beta/files", {"error": {"message": "files/a"}}),
    (b"/v1beta/voices", {"id": "Puck"}),
    (b"/v1/chat/completions", {"id": "chatcmpl-1"}),
    (b"/v1beta/operations/o", FOREIGN),
]


@pytest.mark.parametrize(("path", "answer", "names"), MADE)
def test_an_answer_tells_what_it_made(path: bytes, answer: object, names: list[str]):
    assert names_made(path, json.dumps(answer).encode()) == tuple(names)
    assert names_made(path, json.dumps(answer, indent=2).encode()) == tuple(names)


@pytest.mark.parametrize(("path", "answer"), NOT_MADE)
def test_nothing_else_is_made(path: bytes, answer: object):
    assert names_made(path, json.dumps(answer).encode()) == ()


def test_every_kind_of_the_table_is_made_in_these_examples():
    made = {name.rpartition("/")[0] for _, _, names in MADE for name in names}

    assert made | {"models/*/operations", "generatedFiles", "openai/batches"} >= KINDS.keys()


@pytest.mark.parametrize("kind", ["interaction.created", "interaction.start"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stream_tells_of_an_interaction_in_its_first_events(kind: str, end: str):
    text = {"event_type": "step.delta", "delta": {"text": "x", "interaction": {"id": "no"}}}
    first = {"event_type": kind, "interaction": {"id": "v1_i", "object": "interaction"}}
    lines = [f"event: {kind}", f"data: {json.dumps(first)}", "", f"data: {json.dumps(text)}", ""]
    stream = end.join(lines).encode()

    assert names_made(b"/v1beta/interactions", stream) == ("interactions/v1_i",)
    assert names_made(b"/v1beta/interactions", stream[:-9]) == ("interactions/v1_i",)
    listed = json.dumps([first, text]).encode()
    assert names_made(b"/v1beta/interactions", listed) == ("interactions/v1_i",)


def test_a_stream_of_text_tells_of_nothing():
    event = {"event_type": "step.delta", "interaction": {"id": "i"}}

    assert names_made(b"/v1beta/interactions", b"data: " + json.dumps(event).encode()) == ()
    assert names_made(b"/v1beta/interactions", b"data: [DONE]\n\ndata: 5\n\n: x") == ()


def test_of_a_long_answer_its_first_members_do():
    answer = json.dumps({"id": "i", "outputs": ["x" * READ_BYTES], "environment_id": "e"}).encode()

    assert names_made(b"/v1beta/interactions", answer) == ("interactions/i",)
    assert names_made(b"/v1beta/interactions", answer[:30]) == ("interactions/i",)


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[", b"null", b"5", b"\xff\xfe", b'{"id"', b'{"id": "i']
)
def test_what_is_no_answer_tells_of_nothing(answer: bytes):
    assert names_made(b"/v1beta/interactions", answer) == ()


def test_no_answer_tells_of_more_than_it_could_have_made():
    answer = json.dumps({"files": [{"name": f"files/f{n}"} for n in range(5000)]}).encode()

    assert len(names_made(b"/v1beta/files:register", answer)) == MOST_NAMES


def test_an_answer_of_deep_brackets_tells_of_nothing():
    assert names_made(b"/v1beta/files", b"[" * 500_000) == ()
    assert names_made(b"/v1beta/files", b'{"a":' * 100_000) == ()
