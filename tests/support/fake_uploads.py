"""Resumable uploads at the fake Google: sessions, offsets, what was received.

Two protocols: `X-Goog-Upload-Command`, which all SDKs speak, and the older one of `Content-Range`
and 308. What counts for a chunk is the upload id in its URL, not a credential.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.support.fake_errors import invalid
from tests.support.fake_files import make_file
from tests.support.fake_gemini import Answer, json_answer
from tests.support.fake_ownership import Call

CHUNK_GRANULARITY = 262144
KEEP_CONTENT_UP_TO = 16 * 1024 * 1024
TERMINATED = "Upload has already been terminated."

Finish = Callable[[Call, "Upload"], dict[str, Any]]


@dataclass
class Upload:
    """`key` began it. `status`: active, final or cancelled. `told`: the client's metadata."""

    id: str
    key: str
    parent: str
    told: dict[str, Any]
    mime: str
    size: int | None
    status: str = "active"
    received: int = 0
    content: bytes | None = b""
    hash: Any = field(default_factory=hashlib.sha256)

    def take(self, part: bytes) -> None:
        self.hash.update(part)
        self.received += len(part)
        is_kept = self.content is not None and self.received <= KEEP_CONTENT_UP_TO
        self.content = (self.content or b"") + part if is_kept else None


@dataclass
class Chunk:
    """A request for an upload, judged by its head. `wrong`: why its bytes do not count."""

    upload: Upload | None
    command: str
    wrong: str = ""

    def take(self, part: bytes) -> None:
        if self.upload and not self.wrong:
            self.upload.take(part)


class Uploads:
    """`granularity`: chunks but the last are multiples of so many bytes."""

    def __init__(self) -> None:
        self.by_id: dict[str, Upload] = {}
        self.granularity = CHUNK_GRANULARITY

    def begin(self, call: Call, parent: str) -> Answer:
        """`parent`: where the file goes, `files` or a store."""
        length = call.request.value("x-goog-upload-header-content-length")
        length = length or call.request.value("x-upload-content-length")
        mime = call.request.value("x-goog-upload-header-content-type")
        body = call.json()
        upload = Upload(
            secrets.token_urlsafe(48),
            call.key,
            parent,
            body.get("file", body) if parent == "files" else body,
            mime or call.request.value("x-upload-content-type"),
            int(length) if length else None,
        )
        self.by_id[upload.id] = upload
        return self._begun(call, upload)

    def _begun(self, call: Call, upload: Upload) -> Answer:
        asked = {name: value for name, value in call.query.items() if name in ("key", "uploadType")}
        query = {**asked, "upload_id": upload.id}
        if "uploadType" in asked:
            location = f"{call.base_url}{call.request.path}?{urlencode(query)}"
            return Answer(200, b"", [("Location", location), ("X-GUploader-UploadID", upload.id)])
        url = f"{call.base_url}{call.request.path}?"
        url += urlencode({**query, "upload_protocol": "resumable"})
        headers = [
            ("X-Goog-Upload-Status", "active"),
            ("X-Goog-Upload-URL", url),
            ("X-Goog-Upload-Control-URL", url),
            ("X-Goog-Upload-Chunk-Granularity", str(self.granularity)),
        ]
        return Answer(200, b"", headers)

    # Chunks.

    def chunk(self, target: bytes, headers: list[tuple[bytes, bytes]]) -> Chunk | None:
        """None: the request is for no upload that began."""
        path, _, query = target.decode("latin-1").partition("?")
        upload_id = dict(parse_qsl(query)).get("upload_id")
        if "/upload/" not in path or upload_id is None:
            return None
        values = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers
        }
        upload = self.by_id.get(upload_id)
        if upload is None:
            return Chunk(None, "", "Upload not found.")
        if "uploadType=" in query:
            return _classic_chunk(upload, values.get("content-range", ""))
        return self._judge(upload, values)

    def _judge(self, upload: Upload, values: dict[str, str]) -> Chunk:
        command = ", ".join(
            word.strip() for word in values.get("x-goog-upload-command", "").split(",")
        )
        if command not in ("upload", "upload, finalize", "finalize", "query", "cancel"):
            return Chunk(upload, command, f"Unknown upload command: {command}")
        if command == "query":
            return Chunk(upload, command)
        if upload.status != "active":
            return Chunk(upload, command, TERMINATED)
        if not command.startswith("upload"):
            return Chunk(upload, command)
        offset, length = values.get("x-goog-upload-offset", ""), values.get("content-length", "")
        if offset != str(upload.received):
            return Chunk(upload, command, f"Offset {offset}, but {upload.received} were received.")
        if command == "upload" and length.isdigit() and int(length) % self.granularity:
            return Chunk(upload, command, f"Chunks are multiples of {self.granularity} bytes.")
        return Chunk(upload, command)

    def answer_chunk(self, call: Call, finish: Finish) -> Answer:
        chunk: Chunk = call.request.chunk
        upload = chunk.upload
        if upload is None:
            return Answer(404, chunk.wrong.encode(), [("Content-Type", "text/plain")])
        if chunk.wrong:
            return _said(400, upload, invalid(chunk.wrong).answer(call.request))
        if chunk.command == "query":
            received = ("X-Goog-Upload-Size-Received", str(upload.received))
            return _said(200, upload, Answer(200, b"", [received]))
        if chunk.command == "cancel":
            upload.status = "cancelled"
            return _said(200, upload, Answer(200, b""))
        if chunk.command == "308":
            received = ("Range", f"bytes=0-{upload.received - 1}")
            return Answer(308, b"", [received] if upload.received else [])
        if "finalize" not in chunk.command:
            return _said(200, upload, Answer(200, b""))
        return _finished(call, upload, finish)


def _finished(call: Call, upload: Upload, finish: Finish) -> Answer:
    if upload.size not in (None, upload.received):
        told = f"{upload.size} bytes were announced, {upload.received} received."
        return _said(400, upload, invalid(told).answer(call.request))
    upload.status = "final"
    return _said(200, upload, json_answer(finish(call, upload)))


def _said(status: int, upload: Upload, answer: Answer) -> Answer:
    return Answer(status, answer.body, [*answer.headers, ("X-Goog-Upload-Status", upload.status)])


def _classic_chunk(upload: Upload, content_range: str) -> Chunk:
    if upload.status != "active":
        return Chunk(upload, "", TERMINATED)
    if not content_range:
        return Chunk(upload, "finalize")
    if content_range.startswith("bytes */"):
        return Chunk(upload, "308")
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range)
    if not found or int(found[1]) != upload.received:
        return Chunk(upload, "", f"{upload.received} bytes were received.")
    return Chunk(upload, "finalize" if found[3] == str(int(found[2]) + 1) else "308")


def finish_file(call: Call, upload: Upload) -> dict[str, Any]:
    """It belongs to who began, whatever credential the last chunk had."""
    made = make_file(
        call,
        upload.told,
        upload.mime,
        upload.content,
        key=upload.key,
        size=upload.received,
        sha256=upload.hash.hexdigest(),
    )
    return {"file": made.data}
