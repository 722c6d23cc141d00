"""Which resource a path names, in every form that clients write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.resources.kinds import KINDS
from proxyapp.resources.names import LONGEST_NAME, kind_of, name_of, named_in_path, resource_path

NAMED = {
    b"/v1beta/files/abc-123": "files/abc-123",
    b"/v1/files/abc": "files/abc",
    b"/v1alpha/files/abc/": "files/abc",
    b"//v1beta//files/abc": "files/abc",
    b"/v1beta/files/abc:download": "files/abc",
    b"/v1beta/files/abc%3Adownload": "files/abc",
    b"/download/v1beta/files/abc:download": "files/abc",
    b"/v1beta/%66iles/%61bc": "files/abc",
    b"/%76%31beta/files/abc": "files/abc",
    b"/files/abc": "files/abc",
    b"/v1beta/cachedContents/x1": "cachedContents/x1",
    b"/v1beta/batches/b-1:cancel": "batches/b-1",
    b"/v1beta/batches/b:updateGenerateContentBatch": "batches/b",
    b"/v1beta/operations/o": "operations/o",
    b"/v1beta/models/veo-3.1/operations/z9": "models/veo-3.1/operations/z9",
    b"/v1beta/models/veo/operations/z:cancel": "models/veo/operations/z",
    b"/v1beta/tunedModels/t:generateContent": "tunedModels/t",
    b"/v1beta/tunedModels/t/operations/o": "tunedModels/t",
    b"/v1beta/tunedModels/t/permissions/p": "tunedModels/t",
    b"/v1beta/fileSearchStores/s": "fileSearchStores/s",
    b"/v1beta/fileSearchStores/s/documents/d": "fileSearchStores/s",
    b"/v1beta/fileSearchStores/s/documents": "fileSearchStores/s",
    b"/v1beta/fileSearchStores/s/operations/o": "fileSearchStores/s",
    b"/v1beta/fileSearchStores/s/upload/operations/o": "fileSearchStores/s",
    b"/v1beta/fileSearchStores/s:importFile": "fileSearchStores/s",
    b"/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore": "fileSearchStores/s",
    b"/v1beta/corpora/c/documents/d/chunks:batchCreate": "corpora/c",
    b"/v1beta/interactions/v1_Chd=": "interactions/v1_Chd=",
    b"/v1beta/interactions/i/cancel": "interactions/i",
    b"/v1beta/interactions/i/auth_tokens/t": "interactions/i",
    b"/v1beta/agents/customer-sentinel": "agents/customer-sentinel",
    b"/v1beta/environments/e/files/a/b%2Fc.txt": "environments/e",
    b"/upload/v1alpha/environments/e/files/a.txt": "environments/e",
    b"/v1beta/triggers/t/executions": "triggers/t",
    b"/v1beta/webhooks/w:rotateSigningSecret": "webhooks/w",
    b"/v1beta/voices/voice_1": "voices/voice_1",
    b"/v1beta/credentials/c": "credentials/c",
    b"/v1alpha/auth_tokens/t": "auth_tokens/t",
    b"/v1beta/generatedFiles/g": "generatedFiles/g",
    b"/v1beta/openai/files/file-abc": "openai/files/file-abc",
    b"/v1beta/openai/files/file-abc/content": "openai/files/file-abc",
    b"/v1beta/openai/batches/batch_1/cancel": "openai/batches/batch_1",
    b"/v1beta/openai/videos/video_1/content": "openai/videos/video_1",
    b"/v1beta/openai/videos/video_1/remix": "openai/videos/video_1",
    b"/v1beta/openai/files/files/abc": "files/abc",
    b"/v1beta/openai/files/files%2Fabc/content": "files/abc",
    b"/v1beta/openai/batches/batches/b/cancel": "batches/b",
    b"/v1/projects/p/locations/l/cachedContents/c": "cachedContents/c",
    b"/v1/projects/p/locations/l/publishers/google/models/m/operations/o": "models/m/operations/o",
}
NO_NAMES = [
    b"",
    b"/",
    b"/v1beta",
    b"/v1beta/files",
    b"/v1beta/files/",
    b"/v1beta/files:register",
    b"/v1beta/files/..",
    b"/v1beta/files/a..b",
    b"/v1beta/files/%2e%2e",
    b"/v1beta/files/.hidden",
    b"/v1beta/files/a%2Fb",
    b"/v1beta/files%2Fa",
    b"/v1beta/files/a%252Fb",
    b"/v1beta/files/a%0A",
    b"/v1beta/files/a%0Ab",
    b"/v1beta/files/a%00",
    b"/v1beta/files/a%20b",
    b"/v1beta/files/a;b",
    b"/v1beta/files/\xc3\xa9",
    b"/v1beta/files/%C3%A9",
    b"/v1beta/files/" + b"a" * 201,
    b"/v1beta/files/:download",
    b"/upload/v1beta/files",
    b"/v1beta/models/gemini-2.5-pro",
    b"/v1beta/models/gemini-2.5-pro:generateContent",
    b"/v1beta/models/m/operations",
    b"/v1beta/models/m/other/z",
    b"/v1beta/models/../operations/z",
    b"/v1beta/models/" + b"m" * 190 + b"/operations/" + b"z" * 100,
    b"/v1beta/interactions",
    b"/v1beta/interactions/live",
    b"/v1beta/openai/files",
    b"/v1beta/openai/files/a%2Fb",
    b"/v1beta/openai/files/files%2F..%2Fb",
    b"/v1beta/openai/videos/edits",
    b"/v1beta/openai/chat/completions",
    b"/v1/chat/completions",
    b"/openai",
    b"/anything/else",
]
MAKING = {
    b"/v1beta/files": "files",
    b"/upload/v1beta/files": "files",
    b"/v1beta/files:register": "files",
    b"/v1beta/cachedContents": "cachedContents",
    b"/v1beta/models/m:batchGenerateContent": "batches",
    b"/v1beta/models/m:asyncBatchEmbedContent": "batches",
    b"/v1beta/models/m%3AbatchGenerateContent": "batches",
    b"/v1beta/models/m:predictLongRunning": "models/*/operations",
    b"/v1beta/tunedModels": "tunedModels",
    b"/v1beta/fileSearchStores": "fileSearchStores",
    b"/v1beta/fileSearchStores/s:importFile": "fileSearchStores",
    b"/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore": "fileSearchStores",
    b"/v1beta/fileSearchStores/s/documents": "fileSearchStores",
    b"/upload/v1beta/environments/e/files/a": "environments",
    b"/v1beta/triggers/t/executions": "triggers",
    b"/v1beta/corpora": "corpora",
    b"/v1beta/interactions": "interactions",
    b"/v1beta/agents": "agents",
    b"/v1beta/environments": "environments",
    b"/v1beta/webhooks": "webhooks",
    b"/v1beta/voices": "voices",
    b"/v1beta/credentials": "credentials",
    b"/v1alpha/auth_tokens": "auth_tokens",
    b"/v1beta/openai/files": "openai/files",
    b"/v1beta/openai/batches": "openai/batches",
    b"/v1beta/openai/videos": "openai/videos",
    b"/v1beta/openai/videos/video_1/remix": "openai/videos",
    b"/v1beta/openai/videos/edits": "openai/videos",
}
GOOGLES = "https://generativelanguage.googleapis.com/v1beta/"
IDS = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_=~-]{0,150}", fullmatch=True)


@pytest.mark.parametrize("path", NAMED)
def test_a_path_names_its_resource(path: bytes):
    assert named_in_path(path) == NAMED[path]


@pytest.mark.parametrize("path", NO_NAMES)
def test_a_path_without_a_valid_name_goes_as_any_other(path: bytes):
    assert named_in_path(path) is None


@pytest.mark.parametrize("path", MAKING)
def test_a_post_to_some_paths_makes_something(path: bytes):
    makes = resource_path(path).makes

    assert makes is not None
    assert makes.name == MAKING[path]


@pytest.mark.parametrize(
    "path", [b"/v1beta/files/x", b"/v1beta/models/m:generateContent", b"/v1beta/batches/b:cancel"]
)
def test_a_post_to_others_does_not(path: bytes):
    assert resource_path(path).makes is None


@pytest.mark.parametrize("kind", [name for name in KINDS if "*" not in name])
def test_only_a_collection_as_a_whole_is_one(kind: str):
    path = f"/v1beta/{kind}".encode()

    assert resource_path(path).is_collection
    assert not resource_path(path + b"/one").is_collection


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (GOOGLES + "files/abc", "files/abc"),
        (GOOGLES + "files/abc:download?alt=media", "files/abc"),
        ("HTTPS://GenerativeLanguage.GoogleApis.com:443/v1/files/abc#x", "files/abc"),
        (
            "https://us-generativelanguage.googleapis.com/download/v1beta/files/a:download",
            "files/a",
        ),
        ("http://127.0.0.1:8000/v1beta/files/abc", "files/abc"),
        ("files/abc", "files/abc"),
        ("models/m/operations/z", "models/m/operations/z"),
        ("projects/p/locations/l/cachedContents/c", "cachedContents/c"),
        ("https://www.youtube.com/watch?v=files/abc", None),
        ("https://example.com/v1beta/files/abc", None),
        ("https://generativelanguage.googleapis.com.example.com/v1beta/files/abc", None),
        ("https://example.com/?generativelanguage.googleapis.com/v1beta/files/abc", None),
        ("https://storage.googleapis.com/v1beta/files/abc", None),
        ("https://generativelanguage.googleapis.com/files/abc", None),
        ("https://[bad/v1beta/files/abc", None),
        ("ftp://localhost/v1beta/files/abc", None),
        ("gs://bucket/files/abc", None),
        ("models/gemini-2.5-pro", None),
        ("files/", None),
        ("files/a b", None),
        ("files/..", None),
        ("/files/abc", None),
        ("abc", None),
        ("", None),
        ("files/" + "a" * 5000, None),
    ],
)
def test_a_text_names_a_resource_by_name_or_uri(text: str, name: str | None):
    assert name_of(text) == name


def test_a_bare_id_is_one_of_its_field_only():
    kind = KINDS["interactions"]

    assert name_of("v1_abc", kind, is_id=True) == "interactions/v1_abc"
    assert name_of("v1_abc", kind) is None
    assert name_of("live", kind, is_id=True) is None
    assert name_of("Puck", KINDS["voices"], is_id=True) is None
    assert name_of("voice_1", KINDS["voices"], is_id=True) == "voices/voice_1"


@given(kind=st.sampled_from([name for name in KINDS if "*" not in name]), text=IDS)
def test_an_id_comes_back_as_it_was(kind: str, text: str):
    words = KINDS[kind].words
    name = f"{kind}/{text}"
    expected = None if text in words else name

    assert named_in_path(f"/v1beta/{name}".encode()) == expected
    if expected is not None:
        assert kind_of(name) is KINDS[kind]
        assert len(name) <= LONGEST_NAME


@given(path=st.binary(max_size=300))
def test_no_path_is_too_odd_to_be_read(path: bytes):
    name = named_in_path(b"/v1beta/files/" + path)

    assert name is None or name.startswith(("files/", "openai/"))


WHOLE = [
    ("/v1beta/files/a", True),
    ("/v1beta/files/a:download", False),
    ("/download/v1beta/files/a:download", False),
    ("/v1beta/files", False),
    ("/v1beta/fileSearchStores/s", True),
    ("/v1beta/fileSearchStores/s/documents/d", False),
    ("/v1beta/fileSearchStores/s/operations/o", False),
    ("/v1beta/models/veo/operations/o", True),
    ("/v1beta/models/veo", False),
    ("/v1beta/openai/files/file-a", True),
    ("/v1beta/openai/files/file-a/content", False),
    ("/v1beta/openai/files/files/a", True),
    ("/v1beta/openai/files/files/a/content", False),
    ("/v1beta/openai/batches/batch_a/cancel", False),
]


@pytest.mark.parametrize(("path", "is_whole"), WHOLE)
def test_a_resource_is_told_from_what_stands_below_it(path: str, is_whole: bool) -> None:
    assert resource_path(path.encode()).is_whole is is_whole
