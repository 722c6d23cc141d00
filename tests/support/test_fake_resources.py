"""What belongs to a project at the fake Google: `P` and `Q` are of one, `X` of another."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.fake_ownership import Touch
from tests.support.fake_upstream import FakeUpstream

ASK = "/v1beta/models/gemini-2.5-flash:generateContent"
FILE = "You do not have permission to access the File {} or it may not exist."
CACHE = "CachedContent not found (or permission denied)"
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b\r\nContent-'
    b'Disposition: form-data; name="file"; filename="in.jsonl"\r\n\r\n{}\n\r\n--b--\r\n'
)


@pytest.fixture
def google() -> Iterator[FakeUpstream]:
    with FakeUpstream(projects={"P": "one", "Q": "one", "X": "other"}) as upstream:
        yield upstream


def call(
    google: FakeUpstream, method: str, path: str, key: str = "P", json: Any = None, **more: Any
) -> httpx.Response:
    is_openai = "/openai/" in path
    credential = {"authorization": f"Bearer {key}"} if is_openai else {"x-goog-api-key": key}
    headers = credential | more.pop("headers", {})
    return httpx.request(
        method, google.url + path, headers=headers, json=json, trust_env=False, **more
    )


def made(google: FakeUpstream, path: str, json: Any) -> Any:
    answer = call(google, "POST", path, json=json)
    assert answer.status_code == 200, answer.text
    return answer.json()


def make_openai_file(google: FakeUpstream) -> Any:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    return call(google, "POST", "/v1beta/openai/files", headers=headers, content=MULTIPART).json()


def message(answer: httpx.Response) -> str:
    body = answer.json()
    return str((body[0] if isinstance(body, list) else body)["error"]["message"])


BATCH = {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": [{}]}}}}
KINDS = [
    ("/v1beta/files", {"file": {}}, 403),
    ("/v1beta/cachedContents", {"model": "models/gemini-2.5-flash"}, 403),
    ("/v1beta/models/gemini-2.5-flash:batchGenerateContent", BATCH, 404),
    ("/v1beta/models/gemini-embedding-001:asyncBatchEmbedContent", BATCH, 404),
    ("/v1beta/models/veo-3:predictLongRunning", {"instances": [{"prompt": "a"}]}, 404),
    ("/v1beta/fileSearchStores", {"displayName": "My store"}, 403),
    ("/v1beta/tunedModels", {"displayName": "t"}, 403),
    ("/v1alpha/auth_tokens", {}, 404),
    ("/v1beta/interactions", {"model": "gemini-2.5-flash", "input": "a"}, 404),
    ("/v1beta/agents", {"id": "mine"}, 404),
    ("/v1beta/environments", {}, 404),
]


@pytest.mark.parametrize(("path", "asked", "status"), KINDS)
def test_only_keys_of_its_project_see_a_resource(
    google: FakeUpstream, path: str, asked: Any, status: int
) -> None:
    answer = made(google, path, asked)
    told = answer.get("file", answer)
    name = told.get("name") or f"{path.rpartition('/')[2]}/{told['id']}"
    place = f"/v1beta/{name}"

    assert call(google, "GET", place, "Q").status_code == 200
    assert call(google, "GET", place, "X").status_code == status
    assert call(google, "DELETE", place, "X").status_code == status
    assert [touch.key for touch in google.resources.store.strangers] == ["X", "X"]
    assert call(google, "DELETE", place, "Q").status_code == 200
    assert call(google, "GET", place, "P").status_code == status


def test_touches_tell_which_key_got_what(google: FakeUpstream) -> None:
    name = made(google, "/v1beta/files", {"file": {"name": "files/mine"}})["file"]["name"]
    call(google, "GET", f"/v1beta/{name}", "Q")
    call(google, "GET", "/v1beta/files", "X")
    assert google.resources.store.touches == [
        Touch("make", "files/mine", "P", "one"),
        Touch("find", "files/mine", "Q", "one"),
        Touch("list", "files", "X", "other"),
    ]
    assert google.resources.store.keys_that("find", "files/mine") == ["Q"]


def test_a_chosen_name_is_taken_once_a_project(google: FakeUpstream) -> None:
    asked = {"file": {"name": "files/mine"}}
    statuses = [
        call(google, "POST", "/v1beta/files", key, asked).status_code for key in ("P", "Q", "X")
    ]
    assert statuses == [200, 409, 200]
    bad = call(google, "POST", "/v1beta/files", "P", {"file": {"name": "files/No Name"}})
    assert bad.status_code == 400


def test_a_file_lives_for_48_hours_and_a_cache_for_its_ttl(google: FakeUpstream) -> None:
    file = made(google, "/v1beta/files", {"file": {}})["file"]["name"]
    cache = made(google, "/v1beta/cachedContents", {"model": "models/m", "ttl": "60s"})["name"]
    google.clock = (lambda start: lambda: start + 61)(google.clock())
    assert call(google, "GET", f"/v1beta/{file}").status_code == 200
    assert message(call(google, "GET", f"/v1beta/{cache}")) == CACHE
    google.clock = (lambda start: lambda: start + 48 * 3600)(google.clock())
    assert message(call(google, "GET", f"/v1beta/{file}")) == FILE.format(file[6:])


def test_a_cache_is_made_to_last(google: FakeUpstream) -> None:
    cache = made(google, "/v1beta/cachedContents", {"model": "models/m", "ttl": "60s"})
    longer = call(google, "PATCH", f"/v1beta/{cache['name']}", json={"ttl": "7200s"}).json()
    assert longer["expireTime"] > cache["expireTime"]


REFERRED = [
    ("/v1beta/files", {"file": {}}, lambda name: {"fileData": {"fileUri": name}}, FILE),
    (
        "/v1beta/files",
        {"file": {}},
        lambda name: {
            "file_data": {"file_uri": f"https://generativelanguage.googleapis.com/v1beta/{name}"}
        },
        FILE,
    ),
    ("/v1beta/cachedContents", {"model": "m"}, lambda name: {"cachedContent": name}, CACHE),
    (
        "/v1beta/fileSearchStores",
        {"displayName": "s"},
        lambda name: {"tools": [{"fileSearch": {"fileSearchStoreNames": [name]}}]},
        "You do not have permission to access the FileSearchStore {} or it may not exist.",
    ),
]


@pytest.mark.parametrize(("path", "asked", "referring", "says"), REFERRED)
def test_what_a_question_refers_to_has_to_be_the_projects(
    google: FakeUpstream, path: str, asked: Any, referring: Any, says: str
) -> None:
    answer = made(google, path, asked)
    name = answer.get("file", answer)["name"]
    question = {"contents": [{"parts": [{"text": "fileUri"}]}], **referring(name)}

    assert call(google, "POST", ASK, "Q", question).status_code == 200
    refused = call(google, "POST", ASK, "X", question)

    assert refused.status_code == 403
    assert message(refused) == says.format(name.partition("/")[2])


@pytest.mark.parametrize("uri", ["https://youtu.be/files/x", "gs://b/files/x", "https://a/files/x"])
def test_what_is_elsewhere_is_nobodys(google: FakeUpstream, uri: str) -> None:
    question = {"contents": [{"parts": [{"fileData": {"fileUri": uri}}]}]}
    assert call(google, "POST", ASK, "X", question).status_code == 200


def test_a_cache_may_hold_a_file_of_its_project_alone(google: FakeUpstream) -> None:
    [file] = made(google, "/v1beta/files:register", {"uris": ["gs://bucket/one"]})["files"]
    contents = [{"parts": [{"fileData": {"fileUri": file["uri"]}}]}]
    asked = {"model": "models/gemini-2.5-flash", "contents": contents}
    statuses = [call(google, "POST", "/v1beta/cachedContents", key, asked) for key in ("Q", "X")]
    assert [answer.status_code for answer in statuses] == [200, 403]


def test_what_stands_below_a_resource_is_its_projects(google: FakeUpstream) -> None:
    corpus = made(google, "/v1beta/corpora", {"displayName": "c"})["name"]
    document = made(google, f"/v1beta/{corpus}/documents", {"displayName": "d"})["name"]
    assert document.startswith(f"{corpus}/documents/")
    [listed] = call(google, "GET", f"/v1beta/{corpus}/documents", "Q").json()["documents"]
    assert listed["name"] == document
    assert call(google, "GET", f"/v1beta/{corpus}/documents", "X").status_code == 403
    assert call(google, "POST", f"/v1beta/{corpus}/documents", "X", {}).status_code == 403


def test_a_list_is_the_projects_page_by_page(google: FakeUpstream) -> None:
    names = [made(google, "/v1beta/files", {"file": {}})["file"]["name"] for _ in range(5)]
    call(google, "POST", "/v1beta/files", "X", {"file": {}})

    seen, token = [], ""
    for _ in range(3):
        page = call(google, "GET", f"/v1beta/files?pageSize=2&pageToken={token}", "Q").json()
        seen += [file["name"] for file in page["files"]]
        token = page.get("nextPageToken", "")

    assert (seen, token) == (names[::-1], "")
    page = call(google, "GET", "/v1beta/files?pageSize=2").json()
    for key, path, bad in [
        ("X", "files", page["nextPageToken"]),
        ("P", "batches", page["nextPageToken"]),
        ("P", "files", "bad"),
    ]:
        refused = call(google, "GET", f"/v1beta/{path}?pageToken={bad}", key)
        assert (refused.status_code, message(refused)) == (400, "The page token is invalid.")
    assert call(google, "GET", "/v1beta/cachedContents").json() == {}


def test_a_batch_of_a_file_ends_in_a_file(google: FakeUpstream) -> None:
    file = made(google, "/v1beta/files", {"file": {}})["file"]["name"]
    asked = {"batch": {"inputConfig": {"fileName": file}}}
    path = "/v1beta/models/gemini-2.5-flash:batchGenerateContent"
    assert call(google, "POST", path, "X", asked).status_code == 403

    name = made(google, path, asked)["name"]
    done = call(google, "GET", f"/v1beta/{name}", "Q").json()
    results = done["response"]["responsesFile"]

    assert done["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert call(google, "GET", f"/v1beta/{results}:download?alt=media").text == '{"key": "1"}\n'
    listed = call(google, "GET", "/v1beta/batches").json()["operations"]
    assert [each["name"] for each in listed] == [name]


def test_a_batch_is_cancelled(google: FakeUpstream) -> None:
    name = made(google, "/v1beta/models/gemini-2.5-flash:batchGenerateContent", BATCH)["name"]
    assert call(google, "POST", f"/v1beta/{name}:cancel", "X").status_code == 404
    assert call(google, "POST", f"/v1beta/{name}:cancel").json() == {}
    state = call(google, "GET", f"/v1beta/{name}").json()["metadata"]["state"]
    assert state == "BATCH_STATE_CANCELLED"


def test_a_video_is_downloaded_also_in_part(google: FakeUpstream) -> None:
    path = "/v1beta/models/veo-3:predictLongRunning"
    name = made(google, path, {"instances": [{"prompt": "a"}]})["name"]
    done = call(google, "GET", f"/v1beta/{name}").json()
    [sample] = done["response"]["generateVideoResponse"]["generatedSamples"]
    place = sample["video"]["uri"].removeprefix("https://generativelanguage.googleapis.com")

    whole = call(google, "GET", place, "Q")
    part = call(google, "GET", f"/download{place}", "Q", headers={"range": "bytes=4-11"})

    assert whole.headers["content-type"] == "video/mp4"
    assert (part.status_code, part.content) == (206, whole.content[4:12])
    assert part.headers["content-range"] == f"bytes 4-11/{len(whole.content)}"
    assert call(google, "GET", place, "X").status_code == 403
    assert call(google, "GET", place.partition("?")[0]).status_code == 400
    assert call(google, "GET", place, headers={"range": "bytes=9999999-"}).status_code == 416


def test_a_store_is_filled_and_emptied(google: FakeUpstream) -> None:
    store = made(google, "/v1beta/fileSearchStores", {"displayName": "My store"})["name"]
    file = made(google, "/v1beta/files", {"file": {"displayName": "a"}})["file"]["name"]
    assert call(google, "POST", f"/v1beta/{store}:importFile", "X", {"fileName": file}).is_error
    operation = made(google, f"/v1beta/{store}:importFile", {"fileName": file})
    document = operation["response"]["documentName"]

    assert call(google, "GET", f"/v1beta/{operation['name']}", "Q").json()["done"]
    listed = call(google, "GET", f"/v1beta/{store}/documents", "Q").json()["documents"]
    assert [(each["name"], each["displayName"]) for each in listed] == [(document, "a")]
    assert call(google, "GET", f"/v1beta/{document}", "X").status_code == 403
    assert call(google, "DELETE", f"/v1beta/{store}").status_code == 400
    assert call(google, "DELETE", f"/v1beta/{store}?force=true").status_code == 200
    assert call(google, "GET", f"/v1beta/{document}").status_code == 403


def test_a_file_is_uploaded_into_a_store(google: FakeUpstream) -> None:
    store = made(google, "/v1beta/fileSearchStores", {"displayName": "s"})["name"]
    path = f"/upload/v1beta/{store}:uploadToFileSearchStore"
    start = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
    assert call(google, "POST", path, "X", {}, headers=start).status_code == 403

    url = call(google, "POST", path, json={"displayName": "a"}, headers=start).headers[
        "x-goog-upload-url"
    ]
    chunk = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}
    operation = httpx.post(url, headers=chunk, content=b"text", trust_env=False).json()

    assert operation["name"].startswith(f"{store}/upload/operations/")
    assert call(google, "GET", f"/v1beta/{operation['name']}", "X").status_code == 403
    [document] = call(google, "GET", f"/v1beta/{store}/documents").json()["documents"]
    assert document["name"] == operation["response"]["documentName"]


def test_an_interaction_follows_one_of_its_project(google: FakeUpstream) -> None:
    ask = {"model": "gemini-2.5-flash", "input": "a"}
    first = made(google, "/v1beta/interactions", ask)["id"]
    follow = {**ask, "previous_interaction_id": first, "stream": True}

    second = call(google, "POST", "/v1beta/interactions", "Q", follow)
    refused = call(google, "POST", "/v1beta/interactions", "X", follow)

    assert "interaction.completed" in second.text
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
    forgotten = made(google, "/v1beta/interactions", {**ask, "store": False})["id"]
    assert call(google, "GET", f"/v1beta/interactions/{forgotten}").status_code == 404


def test_openais_files_and_batches_are_the_projects(google: FakeUpstream) -> None:
    file = make_openai_file(google)["id"]
    asked = {
        "input_file_id": file,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    batch = made(google, "/v1beta/openai/batches", asked)["id"]
    refused = call(google, "POST", "/v1beta/openai/batches", "X", asked)
    done = call(google, "GET", f"/v1beta/openai/batches/{batch}", "Q").json()

    assert (refused.status_code, refused.json()[0]["error"]["code"]) == (404, 404)
    assert done["status"] == "completed"
    content = f"/v1beta/openai/files/{done['output_file_id']}/content"
    assert call(google, "GET", content, "Q").text == "{}\n"
    assert call(google, "GET", content, "X").status_code == 404
    listed = call(google, "GET", "/v1beta/openai/files?limit=1").json()
    following = f"/v1beta/openai/files?limit=1&after={listed['last_id']}"
    assert (listed["has_more"], call(google, "GET", following).json()["last_id"]) == (True, file)
    assert call(google, "DELETE", f"/v1beta/openai/files/{file}").json()["deleted"]


@pytest.mark.parametrize("coded", ["files/mine", "files%2Fmine"])
def test_an_openai_id_may_be_a_name_of_googles(google: FakeUpstream, coded: str) -> None:
    made(google, "/v1beta/files", {"file": {"name": "files/mine"}})
    assert call(google, "GET", f"/v1beta/openai/files/{coded}").json()["id"] == "files/mine"
    assert call(google, "GET", f"/v1beta/openai/files/{coded}", "X").status_code == 403


def test_a_key_without_a_project_is_one_by_itself(upstream: FakeUpstream) -> None:
    name = made(upstream, "/v1beta/files", {"file": {}})["file"]["name"]
    assert call(upstream, "GET", f"/v1beta/{name}", "P").status_code == 200
    assert call(upstream, "GET", f"/v1beta/{name}", "Q").status_code == 403


def test_a_body_of_another_form_is_a_bad_request(google: FakeUpstream) -> None:
    refused = call(google, "POST", "/v1beta/cachedContents", json=["a"])
    assert (refused.status_code, message(refused)) == (400, "Invalid JSON payload received.")
