"""Resumable uploads at the fake Google, which the gateway's tests stand on."""

import hashlib
from typing import Any

import httpx
import pytest

from tests.support.fake_upstream import FakeUpstream, body_of_bytes
from tests.support.raw_client import RawClient

START = {
    "x-goog-api-key": "K",
    "X-Goog-Upload-Protocol": "resumable",
    "X-Goog-Upload-Command": "start",
    "X-Goog-Upload-Header-Content-Type": "text/plain",
}
CHUNK = 262144


def begin(upstream: FakeUpstream, *, query: str = "", **more: str) -> httpx.Response:
    headers = START | {name.replace("_", "-"): value for name, value in more.items()}
    if query:
        del headers["x-goog-api-key"]
    told = {"file": {"displayName": "notes"}}
    url = f"{upstream.url}/upload/v1beta/files{query}"
    return httpx.post(url, headers=headers, json=told, trust_env=False)


def send(url: str, command: str, content: bytes = b"", offset: int = 0) -> httpx.Response:
    headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
    return httpx.post(url, headers=headers, content=content, trust_env=False)


def url_of(begun: httpx.Response) -> str:
    return str(begun.headers["x-goog-upload-url"])


def test_a_file_is_uploaded_in_chunks_that_show_no_credential(upstream: FakeUpstream) -> None:
    content = body_of_bytes(2 * CHUNK + 5)
    url = url_of(begin(upstream))

    first = send(url, "upload", content[: 2 * CHUNK])
    last = send(url, "upload, finalize", content[2 * CHUNK :], 2 * CHUNK)

    assert url.startswith(f"{upstream.url}/upload/v1beta/files?upload_id=")
    assert (first.status_code, first.headers["x-goog-upload-status"]) == (200, "active")
    assert (last.status_code, last.headers["x-goog-upload-status"]) == (200, "final")
    file = last.json()["file"]
    assert (file["sizeBytes"], file["displayName"]) == (str(len(content)), "notes")
    assert file["mimeType"] == "text/plain"
    assert upstream.resources.store.names_of("K") == [file["name"]]
    assert upstream.picked() == ["K", "", ""]
    [upload] = upstream.resources.uploads.by_id.values()
    assert upload.hash.hexdigest() == hashlib.sha256(content).hexdigest()


def test_the_url_carries_the_key_that_the_start_had_in_its_own(upstream: FakeUpstream) -> None:
    assert "key=K" in url_of(begin(upstream, query="?key=K"))
    assert "key=" not in url_of(begin(upstream))


def test_a_chunk_with_two_credentials_is_refused(upstream: FakeUpstream) -> None:
    url = url_of(begin(upstream, query="?key=K"))
    headers = {"x-goog-api-key": "K", "X-Goog-Upload-Command": "query"}
    refused = httpx.post(url, headers=headers, trust_env=False)
    assert (refused.status_code, "Multiple" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("command", "size", "offset", "says"),
    [
        ("upload", CHUNK, 5, "0 were received"),
        ("upload", CHUNK + 1, 0, "multiples of"),
        ("upload, finalise", 1, 0, "Unknown upload command"),
        ("", 1, 0, "Unknown upload command"),
    ],
)
def test_a_wrong_chunk_is_refused_and_does_not_count(
    upstream: FakeUpstream, command: str, size: int, offset: int, says: str
) -> None:
    url = url_of(begin(upstream))

    refused = send(url, command, bytes(size), offset)

    assert refused.status_code == 400
    assert says in refused.json()["error"]["message"]
    assert send(url, "query").headers["x-goog-upload-size-received"] == "0"


def test_what_was_announced_has_to_come(upstream: FakeUpstream) -> None:
    url = url_of(begin(upstream, X_Goog_Upload_Header_Content_Length="10"))
    assert send(url, "upload, finalize", b"nine then").status_code == 400
    assert upstream.resources.store.names_of("K") == []


def test_nothing_follows_the_end(upstream: FakeUpstream) -> None:
    url = url_of(begin(upstream))
    send(url, "upload, finalize", b"all")
    over = send(url, "upload, finalize", b"more", 3)
    assert (over.status_code, over.headers["x-goog-upload-status"]) == (400, "final")

    url = url_of(begin(upstream))
    assert send(url, "cancel").headers["x-goog-upload-status"] == "cancelled"
    assert send(url, "upload, finalize", b"all").status_code == 400
    assert len(upstream.resources.store.names_of("K")) == 1


def test_an_unknown_upload_is_not_found(upstream: FakeUpstream) -> None:
    url = f"{upstream.url}/upload/v1beta/files?upload_id=guess&upload_protocol=resumable"
    assert send(url, "upload, finalize", b"x").status_code == 404


def test_a_client_that_leaves_in_a_chunk_goes_on_where_it_was(upstream: FakeUpstream) -> None:
    url = httpx.URL(url_of(begin(upstream)))
    with RawClient(upstream.url) as client:
        head = (
            b"POST %s HTTP/1.1\r\nHost: h\r\nX-Goog-Upload-Command: upload, finalize\r\n"
            b"X-Goog-Upload-Offset: 0\r\nContent-Length: 10\r\n\r\n" % url.raw_path
        )
        client.send(head + b"four")
    upstream.wait_for(2)

    received = int(send(str(url), "query").headers["x-goog-upload-size-received"])
    done = send(str(url), "upload, finalize", b"and six"[received - 4 :], received)

    assert received == 4
    assert done.json()["file"]["sizeBytes"] == "11"


def test_the_older_protocol_answers_308_until_the_end(upstream: FakeUpstream) -> None:
    def put(url: str, content_range: str, content: bytes = b"") -> httpx.Response:
        headers = {"Content-Range": content_range}
        return httpx.put(url, headers=headers, content=content, trust_env=False)

    url = f"{upstream.url}/upload/v1beta/files?uploadType=resumable"
    begun = httpx.post(url, headers={"x-goog-api-key": "K"}, json={}, trust_env=False)
    place = begun.headers["location"]

    assert put(place, "bytes 0-3/8", b"abcd").headers["range"] == "bytes=0-3"
    assert put(place, "bytes */8").status_code == 308
    assert put(place, "bytes 0-3/8", b"abcd").status_code == 400
    assert put(place, "bytes 4-7/8", b"efgh").json()["file"]["sizeBytes"] == "8"


def at_once(upstream: FakeUpstream, headers: dict[str, str], content: bytes) -> Any:
    sent = {"x-goog-api-key": "K", **headers}
    url = f"{upstream.url}/upload/v1beta/files"
    return httpx.post(url, headers=sent, content=content, trust_env=False).json()["file"]


def test_a_file_is_uploaded_at_once(upstream: FakeUpstream) -> None:
    related = (
        b'--b\r\nContent-Type: application/json\r\n\r\n{"file": {"name": "files/mine"}}\r\n'
        b"--b\r\nContent-Type: text/css\r\n\r\na\r\nb\r\n--b--\r\n"
    )
    parted = at_once(upstream, {"content-type": "multipart/related; boundary=b"}, related)
    raw = at_once(upstream, {"x-goog-upload-protocol": "raw", "content-type": "text/css"}, b"raw")

    assert (parted["name"], parted["mimeType"], parted["sizeBytes"]) == (
        "files/mine",
        "text/css",
        "4",
    )
    assert (raw["mimeType"], raw["sizeBytes"]) == ("text/css", "3")
