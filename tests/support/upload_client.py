"""Uploads in parts as Google's clients do them: a URL is asked for, and parts are sent to it."""

import ssl
from collections.abc import Mapping

import httpx

from tests.support.fake_http import Recorded
from tests.support.fake_uploads import Upload
from tests.support.fake_upstream import FakeUpstream

GOOGLE = "https://generativelanguage.googleapis.com"
FILES = "/upload/v1beta/files"
START = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}


class UploadClient(httpx.Client):
    """`credential`: what it shows with what begins an upload, and with its parts."""

    def __init__(
        self,
        base_url: str,
        credential: Mapping[str, str] | None = None,
        *,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        super().__init__(
            base_url=base_url, headers=credential, verify=verify, trust_env=False, timeout=30
        )

    def begin(self, path: str = FILES, **headers: str) -> str:
        """The URL for the parts."""
        return self.begun(path, **headers).headers["x-goog-upload-url"]

    def begun(self, path: str = FILES, **headers: str) -> httpx.Response:
        answer = self.post(path, json={"file": {"display_name": "a"}}, headers=START | headers)
        assert answer.status_code == 200, answer.text
        return answer

    def part(
        self, url: str, data: bytes, offset: int = 0, *, is_last: bool = False, token: str = ""
    ) -> httpx.Response:
        command = "upload, finalize" if is_last else "upload"
        own = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
        shown = {"x-goog-api-key": token} if token else {}
        return self.post(url, content=data, headers=own | shown)

    def command(self, url: str, command: str) -> httpx.Response:
        return self.post(url, headers={"X-Goog-Upload-Command": command})

    def parts(self, url: str, data: bytes, size: int, offset: int = 0) -> httpx.Response:
        """All of them; the last answer."""
        while True:
            piece = data[offset : offset + size]
            is_last = offset + len(piece) == len(data)
            answer = self.part(url, piece, offset, is_last=is_last)
            assert answer.status_code == 200, answer.text
            if is_last:
                return answer
            assert answer.headers["x-goog-upload-status"] == "active"
            offset += len(piece)


def uploads_of(upstream: FakeUpstream, *, granularity: int = 1) -> list[Upload]:
    """That began there. From now on parts may have any multiple of so many bytes."""
    upstream.resources.uploads.granularity = granularity
    return list(upstream.resources.uploads.by_id.values())


def only_upload(upstream: FakeUpstream) -> Upload:
    (upload,) = uploads_of(upstream)
    return upload


def parts_of(upstream: FakeUpstream) -> list[Recorded]:
    return [request for request in list(upstream.requests) if request.chunk is not None]
