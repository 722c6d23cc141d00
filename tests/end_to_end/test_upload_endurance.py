"""Uploads of any size, over restarts and outages of the database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from tests.conftest import MakeGateway
from tests.support.chosen_database import needs_sqlite
from tests.support.fake_upstream import FakeUpstream, body_of_bytes
from tests.support.upload_client import FILES, START, UploadClient, only_upload, uploads_of

MEBIBYTE = 1 << 20


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_part_of_any_size_passes_in_constant_memory(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(server=server, env={"MAX_BODY_BYTES": "1000000"})
    size = 150 * MEBIBYTE
    process = psutil.Process(gateway.pid)
    with UploadClient(gateway.url) as client:
        url = client.begin()
        before = process.memory_info().rss
        piece = body_of_bytes(MEBIBYTE)
        sizes = []

        def pieces() -> Iterator[bytes]:
            for _ in range(size // MEBIBYTE):
                sizes.append(process.memory_info().rss)
                yield piece

        headers = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}
        headers |= {"Content-Length": str(size)}
        assert client.post(url, content=pieces(), headers=headers).status_code == 200
        refused = client.post(FILES, content=piece, headers=START)
        forged = client.post(FILES + "?upload_id=gku-forged", content=piece)

    assert only_upload(upstream).received == size
    assert max(sizes) - before < 12 * MEBIBYTE
    assert (refused.status_code, forged.status_code) == (413, 404)


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_an_upload_goes_on_after_a_restart_and_with_every_worker(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    upstream.resources.uploads.granularity = 1
    gateway = make_gateway(["KEY-A", "KEY-B", "KEY-C"], server=server, args=["--workers", "2"])
    with UploadClient(gateway.url) as client:
        urls = [client.begin() for _ in range(6)]
        for url in urls:
            client.part(url, b"abc")
    assert gateway.stop() == 0
    gateway.start()
    for url in urls:
        with UploadClient(gateway.url) as client:
            assert client.command(url, "query").headers["x-goog-upload-size-received"] == "3"
            assert client.parts(url, b"abcdef", 2, 3).status_code == 200

    assert {upload.content for upload in uploads_of(upstream)} == {b"abcdef"}
    assert {upload.key for upload in uploads_of(upstream)} == {"KEY-A", "KEY-B", "KEY-C"}


@needs_sqlite("it is SQLite that is locked")
def test_an_upload_goes_on_while_the_database_is_away(
    make_gateway: MakeGateway, upstream: FakeUpstream
) -> None:
    upstream.resources.uploads.granularity = 1
    gateway = make_gateway(["KEY-A", "KEY-B"], env={"SQLITE_TIMEOUT_SECONDS": "1"})
    path = gateway.database_url.removeprefix("sqlite:///")
    with (
        UploadClient(gateway.url) as client,
        closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as other,
    ):
        begun = client.begin()
        client.part(begun, b"abc")
        other.execute("BEGIN EXCLUSIVE")
        names = [
            client.parts(url, b"abcdef", 3, offset).json()["file"]["name"]
            for url, offset in ((begun, 3), (client.begin(), 0))
        ]
        asked = [client.get(f"/v1beta/{name}").status_code for name in names]
        other.execute("ROLLBACK")

    assert asked == [200, 200]
    assert {upload.content for upload in uploads_of(upstream)} == {b"abcdef"}


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_refused_part_is_asked_once_and_of_its_own_key(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    """It has passed, and cannot be sent again: not even to a key that comes free in time."""
    upstream.resources.uploads.granularity = 1
    gateway = make_gateway(
        ["KEY-A", "KEY-B"],
        server=server,
        rate_limit_policy="quota_aware",
        env={"QUEUE_SECONDS": "2"},
    )
    with UploadClient(gateway.url) as client:
        url = client.begin()
        key = only_upload(upstream).key
        for status in (400, 403, 404, 500, 503, 429):
            body = b'{"error": {"code": %d, "message": "no"}}' % status
            upstream.refuse(key, status=status, body=body, times=1)
            assert client.part(url, body_of_bytes(2 * MEBIBYTE)).status_code == status

    assert upstream.picked()[1:] == [key] * 6
    assert only_upload(upstream).key == key
