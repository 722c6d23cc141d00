"""Many uploads in parts at once, and a part that is on its way when the gateway is told to stop."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import MakeGateway
from tests.support.fake_upstream import FakeUpstream
from tests.support.raw_client import RawClient
from tests.support.upload_client import UploadClient, only_upload, uploads_of
from tests.support.waiting import wait_for

KIBIBYTE = 1 << 10
KEYS = ["KEY-A", "KEY-B", "KEY-C"]
SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])


def content_of(number: int) -> bytes:
    return b"%04d" % number * 64 * KIBIBYTE


@SERVERS
def test_a_hundred_parts_of_as_many_uploads_reach_each_its_own(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    gateway = make_gateway(KEYS, server=server)
    with UploadClient(gateway.url) as client:
        urls = [client.begin() for _ in range(100)]
    began_with = {upload.id: upload.key for upload in uploads_of(upstream)}

    def send(number: int) -> int:
        with UploadClient(gateway.url) as own:
            return own.parts(urls[number], content_of(number), 128 * KIBIBYTE).status_code

    with ThreadPoolExecutor(len(urls)) as pool:
        assert list(pool.map(send, range(len(urls)))) == [200] * len(urls)

    uploads = uploads_of(upstream)
    assert [upload.content for upload in uploads] == [content_of(n) for n in range(len(urls))]
    assert {upload.id: upload.key for upload in uploads} == began_with
    assert set(began_with.values()) == set(KEYS)


@SERVERS
def test_a_part_that_is_on_its_way_when_the_gateway_is_told_to_stop_ends_well(
    make_gateway: MakeGateway, upstream: FakeUpstream, server: str
) -> None:
    upstream.resources.uploads.granularity = 1
    gateway = make_gateway(KEYS, server=server)
    with UploadClient(gateway.url) as client:
        target = client.begin().removeprefix(gateway.url)
    upload, half = only_upload(upstream), content_of(1)
    head = [
        f"POST {target} HTTP/1.1",
        "Host: gateway",
        "X-Goog-Upload-Command: upload, finalize",
        "X-Goog-Upload-Offset: 0",
        f"Content-Length: {2 * len(half)}",
    ]
    with RawClient(gateway.url) as raw:
        raw.send("\r\n".join([*head, "", ""]).encode() + half)
        wait_for(lambda: upload.received > 0)
        gateway.signal(signal.SIGTERM)
        wait_for(lambda: not gateway._is_healthy())
        raw.send(half)
        answer = raw.read_response()

    assert (answer.status, answer.values("x-goog-upload-status")) == (200, ["final"])
    assert upload.content == half * 2
    assert gateway.wait() == 0
