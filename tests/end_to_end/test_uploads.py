"""Files that are uploaded in parts go through the gateway to the key that began them."""

import hashlib
import io
import json
import subprocess
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from google import genai
from google.genai import types

from tests.support.fake_upstream import Connection, FakeUpstream, Recorded, body_of_bytes
from tests.support.gateway import Gateway
from tests.support.raw_client import RawClient, request_bytes
from tests.support.upload_client import (
    FILES,
    GOOGLE,
    START,
    UploadClient,
    only_upload,
    parts_of,
    uploads_of,
)
from tests.support.waiting import wait_for

GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
MEBIBYTE = 1 << 20
DATA = body_of_bytes(3 * MEBIBYTE + 5)


@pytest.fixture
def target(google: FakeUpstream) -> FakeUpstream:
    """It names Google's own host, as Google does."""
    google.public_url = GOOGLE
    google.resources.uploads.granularity = 1
    return google


@pytest.fixture
def client(shared_gateway: Gateway, target: FakeUpstream) -> Iterator[UploadClient]:
    with UploadClient(shared_gateway.url) as client:
        yield client


def test_the_parts_go_to_the_key_that_began(
    client: UploadClient, google: FakeUpstream, target: FakeUpstream
) -> None:
    urls = [client.begin() for _ in range(4)]
    for url in urls:
        client.post(GENERATE, json={})
        answer = client.parts(url, DATA, MEBIBYTE)
        assert answer.headers["x-goog-upload-status"] == "final"
        assert answer.json()["file"]["sizeBytes"] == str(len(DATA))

    uploads = uploads_of(target)
    assert {upload.key for upload in uploads} == {"KEY-A", "KEY-B"}
    assert [upload.content == DATA for upload in uploads] == [True] * 4
    assert len(parts_of(target)) == 16
    assert all(request.key == request.chunk.upload.key for request in parts_of(target))


def test_the_url_is_the_gateways_and_tells_nothing_of_the_providers(
    shared_gateway: Gateway, client: UploadClient, target: FakeUpstream
) -> None:
    answer = client.begun()

    url = answer.headers["x-goog-upload-url"]
    upload_id = only_upload(target).id
    assert url.startswith(f"{shared_gateway.url}{FILES}?")
    assert parse_qs(urlsplit(url).query).keys() == {"upload_id", "upload_protocol"}
    heard = str(answer.headers)
    assert not any(secret in heard for secret in (upload_id, "KEY-", "googleapis", "key="))
    assert answer.headers["x-goog-upload-control-url"].startswith(shared_gateway.url)
    assert answer.headers["x-goog-upload-chunk-granularity"] == "1"


SHOWN = [
    {},
    {"x-goog-api-key": "AIza-of-their-own"},
    {"Authorization": "Bearer of-their-own"},
    {"Authorization": "Bearer gk-" + "x" * 43, "x-goog-api-key": "any"},
]


@pytest.mark.parametrize("shown", SHOWN)
def test_a_part_may_show_any_credential(
    shared_gateway: Gateway, google: FakeUpstream, target: FakeUpstream, shown: dict[str, str]
) -> None:
    with UploadClient(shared_gateway.url) as client:
        url = client.begin()
    with UploadClient(shared_gateway.url, shown) as client:
        assert client.parts(f"{url}&key=of-their-own", b"abc", 2).status_code == 200

    assert only_upload(target).content == b"abc"
    for request in parts_of(target):
        assert request.values("x-goog-api-key") == [only_upload(target).key]
        assert request.values("authorization") == []
        assert b"of-their-own" not in request.target


@pytest.mark.parametrize("path", [FILES, "/g/default" + FILES, "/", "/else/where"])
def test_a_client_that_puts_in_a_host_of_its_own_comes_back_too(
    shared_gateway: Gateway, client: UploadClient, target: FakeUpstream, path: str
) -> None:
    query = urlsplit(client.begin("/g/default" + FILES)).query
    own = f"http://localhost:{shared_gateway.port}{path}?x=1&{query}"

    assert client.parts(own, b"abcd", 2).status_code == 200
    assert only_upload(target).content == b"abcd"


def test_the_path_stays_with_its_group(client: UploadClient, target: FakeUpstream) -> None:
    store = client.post("/v1beta/fileSearchStores", json={}).json()["name"]
    path = f"/g/default/upload/v1beta/{store}:uploadToFileSearchStore"
    url = client.begin(path)

    assert urlsplit(url).path == path
    assert client.parts(url, b"abcd", 4).json()["name"].startswith(f"{store}/")
    assert {request.path for request in parts_of(target)} == {path.removeprefix("/g/default")}


def test_the_classic_protocol_passes_with_its_308s(
    client: UploadClient, target: FakeUpstream, shared_gateway: Gateway
) -> None:
    begun = client.post(FILES + "?uploadType=resumable", json={})
    url = begun.headers["location"]
    assert url.startswith(shared_gateway.url)

    ranges = ("bytes 0-3/6", "bytes */6", "bytes 4-5/6")
    answers = [
        client.put(url, content=data, headers={"Content-Range": part})
        for data, part in zip((b"abcd", b"", b"ef"), ranges, strict=True)
    ]

    assert [answer.status_code for answer in answers] == [308, 308, 200]
    assert [answer.headers.get("range") for answer in answers[:2]] == ["bytes=0-3"] * 2
    assert only_upload(target).content == b"abcdef"


def test_the_finished_file_is_found_at_once_with_the_key_that_began(
    client: UploadClient, target: FakeUpstream
) -> None:
    urls = [client.begin() for _ in range(3)]
    urls += [client.post(FILES + "?uploadType=resumable", json={}).headers["location"]]
    names = [client.parts(url, b"abc", 3).json()["file"]["name"] for url in urls[:3]]
    last = client.put(urls[3], content=b"abc", headers={"Content-Range": "bytes 0-2/3"})
    for name in (*names, last.json()["file"]["name"]):
        before = len(target.requests)
        assert [client.get(f"/v1beta/{name}").status_code for _ in range(3)] == [200] * 3
        assert len({request.key for request in target.requests[before:]}) == 1


def test_an_upload_can_be_asked_after_and_cancelled(
    client: UploadClient, target: FakeUpstream
) -> None:
    url = client.begin()
    client.part(url, b"abc")
    asked = client.command(url, "query")
    cancelled = client.command(url, "cancel")
    late = client.part(url, b"d", 3)

    assert asked.headers["x-goog-upload-size-received"] == "3"
    assert cancelled.headers["x-goog-upload-status"] == "cancelled"
    assert (late.status_code, "terminated" in late.text) == (400, True)


def test_a_part_after_the_last_is_the_providers_to_refuse(
    client: UploadClient, target: FakeUpstream
) -> None:
    url = client.begin()
    client.parts(url, b"abc", 3)
    late = client.part(url, b"d", 3)

    assert (late.status_code, "terminated" in late.text) == (400, True)
    assert only_upload(target).content == b"abc"


def test_who_leaves_in_the_middle_of_a_part_goes_on_where_it_broke_off(
    shared_gateway: Gateway, client: UploadClient, target: FakeUpstream
) -> None:
    url = client.begin()
    place = url.removeprefix(shared_gateway.url)
    headers = [
        ("X-Goog-Upload-Command", "upload, finalize"),
        ("X-Goog-Upload-Offset", "0"),
        ("Content-Length", str(len(DATA))),
    ]
    with RawClient(shared_gateway.url) as leaving:
        leaving.send(request_bytes("POST", place, headers) + DATA[:MEBIBYTE])
        wait_for(lambda: only_upload(target).received == MEBIBYTE)

    received = int(client.command(url, "query").headers["x-goog-upload-size-received"])
    assert received == MEBIBYTE
    assert client.parts(url, DATA, MEBIBYTE, received).status_code == 200
    assert only_upload(target).content == DATA


def test_a_part_in_chunks_of_http_arrives(client: UploadClient, target: FakeUpstream) -> None:
    url = client.begin()
    pieces = (DATA[start : start + 100_000] for start in range(0, len(DATA), 100_000))
    headers = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}

    assert client.post(url, content=pieces, headers=headers).status_code == 200
    assert only_upload(target).content == DATA


def test_a_refused_part_is_told_before_the_client_has_sent_it(
    client: UploadClient, target: FakeUpstream
) -> None:
    refused = client.part(client.begin(), DATA, offset=77)

    assert (refused.status_code, "Offset 77" in refused.text) == (400, True)


LARGE = body_of_bytes(20 * MEBIBYTE)
LARGE_SHA256 = hashlib.sha256(LARGE).hexdigest()


async def test_googles_python_client_uploads_in_parts(
    shared_gateway: Gateway, target: FakeUpstream
) -> None:
    options = types.HttpOptions(base_url=shared_gateway.url, timeout=30_000)
    target.resources.uploads.granularity = 262_144
    with genai.Client(api_key="any", http_options=options) as sdk:
        config = types.UploadFileConfig(mime_type="text/plain")
        one = sdk.files.upload(file=io.BytesIO(LARGE), config=config)
        other = await sdk.aio.files.upload(file=io.BytesIO(LARGE), config=config)

    assert one.name != other.name
    assert [upload.hash.hexdigest() for upload in uploads_of(target)] == [LARGE_SHA256] * 2
    assert len(parts_of(target)) == 6
    assert all(request.key == request.chunk.upload.key for request in parts_of(target))


CURL = """
curl -sS {base}/upload/v1beta/files -D {tmp}/head -o {tmp}/first \
  -H "x-goog-api-key: any" -H "X-Goog-Upload-Protocol: resumable" \
  -H "X-Goog-Upload-Command: start" -H "X-Goog-Upload-Header-Content-Length: {size}" \
  -H "X-Goog-Upload-Header-Content-Type: text/plain" -H "Content-Type: application/json" \
  -d '{{"file": {{"display_name": "TEXT"}}}}'
upload_url=$(grep -i "x-goog-upload-url: " {tmp}/head | cut -d" " -f2 | tr -d "\\r")
curl -sS "${{upload_url}}" -H "Content-Length: {size}" -H "X-Goog-Upload-Offset: 0" \
  -H "X-Goog-Upload-Command: upload, finalize" --data-binary "@{tmp}/data"
"""


def test_curl_uploads_as_google_documents_it(
    shared_gateway: Gateway, target: FakeUpstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp = tmp_path_factory.mktemp("curl")
    (tmp / "data").write_bytes(DATA)
    script = CURL.format(base=shared_gateway.url, tmp=tmp, size=len(DATA))
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, check=True)

    assert json.loads(done.stdout)["file"]["name"].startswith("files/")
    assert only_upload(target).content == DATA


def test_an_upload_in_one_request_passes(client: UploadClient, target: FakeUpstream) -> None:
    answer = client.post(f"{FILES}?uploadType=media", content=DATA)

    assert answer.json()["file"]["sizeBytes"] == str(len(DATA))
    assert target.last.body_length == len(DATA)


@pytest.mark.parametrize(
    "base", ["https://evil.example", "http://localhost:1", "http://googleapis.com.evil.example"]
)
def test_an_upload_url_that_leads_elsewhere_is_not_followed(
    shared_gateway: Gateway, google: FakeUpstream, base: str
) -> None:
    google.public_url = base
    answer = httpx.post(shared_gateway.url + FILES, json={}, headers=START, trust_env=False)

    assert answer.status_code == 502
    assert "upload URL" in answer.json()["error"]["message"]
    assert "evil" not in str(answer.headers)


def test_the_location_of_what_is_no_upload_in_parts_stays(
    shared_gateway: Gateway, google: FakeUpstream
) -> None:
    async def made(request: Recorded, connection: Connection) -> None:
        await connection.answer(201, b"{}", [("Location", "https://cdn.example/x?y=1")])

    google.on("/upload/image", made)
    answer = httpx.post(f"{shared_gateway.url}/upload/image", json={}, trust_env=False)

    assert (answer.status_code, answer.headers["location"]) == (201, "https://cdn.example/x?y=1")
