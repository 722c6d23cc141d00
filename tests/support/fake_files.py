"""Files at the fake Google: made, listed, downloaded and deleted."""

import base64
import hashlib
import json
import re
from email import message_from_bytes
from email.message import Message
from typing import Any

from tests.support.fake_errors import GoogleError, invalid
from tests.support.fake_gemini import Answer, json_answer
from tests.support.fake_ownership import Call, Owned, OwnedStore, listed, new_id, removed, time_text

FILE_SECONDS = 48 * 3600
GOOGLE = "https://generativelanguage.googleapis.com/v1beta/"


def answer_file(call: Call) -> Answer:
    """Everything but what `/upload/` takes in parts."""
    method, depth = call.request.method, len(call.parts)
    if method == "POST" and depth == 1 and not call.verb:
        return _make_at_once(call)
    if method == "POST" and (depth, call.verb) == (1, "register"):
        told = [{"displayName": uri} for uri in call.json()["uris"]]
        return json_answer({"files": [make_file(call, each, "", b"").data for each in told]})
    if method == "GET" and depth == 1:
        return listed(call, "files", usual=10, most=100)
    if depth != 2 or call.verb not in ("", "download"):
        raise GoogleError(404, "Not found.")
    if method == "DELETE":
        return removed(call, call.name)
    found = call.store.find(call, call.name)
    return download(call, found) if call.verb else json_answer(found.data)


def _make_at_once(call: Call) -> Answer:
    """With its content behind the metadata, alone, or without any."""
    protocol = call.request.value("x-goog-upload-protocol") or call.query.get("uploadType", "")
    content_type = call.request.value("content-type")
    if content_type.startswith("multipart/") and not call.request.body:
        return json_answer({"file": _of_length(call, call.request.body_length).data})
    if content_type.startswith("multipart/"):
        first, media = parts_of(call)
        told = {"file": _object(first).get("file") or {}}
        mime, content = media.get_content_type(), payload(media)
        return json_answer({"file": make_file(call, told["file"], mime, content).data})
    if protocol in ("raw", "media"):
        if call.request.body_length > len(call.request.body):
            return json_answer({"file": _of_length(call, call.request.body_length).data})
        return json_answer({"file": make_file(call, {}, content_type, call.request.body).data})
    return json_answer({"file": make_file(call, call.json().get("file") or {}, "", b"").data})


def _of_length(call: Call, length: int) -> Owned:
    """Of a body that was too long to be kept."""
    made = make_file(call, {}, "application/octet-stream", b"")
    made.data |= {"sizeBytes": str(length), "sha256Hash": _hash(call.request.body_sha256)}
    made.content = None
    return made


def make_file(
    call: Call,
    told: dict[str, Any],
    mime: str,
    content: bytes | None,
    *,
    key: str | None = None,
    size: int | None = None,
    sha256: str = "",
) -> Owned:
    """`told`: the client's metadata. `size` and `sha256` of content that is not kept."""
    name = f"files/{new_id(told.get('name', ''))}"
    expires_at = call.now + FILE_SECONDS
    mime = told.get("mimeType") or told.get("mime_type") or mime or "application/octet-stream"
    shown = told.get("displayName") or told.get("display_name")
    data = {
        "name": name,
        **({"displayName": shown} if shown else {}),
        "mimeType": mime,
        "sizeBytes": str(len(content) if content is not None else size),
        "createTime": time_text(call.now),
        "updateTime": time_text(call.now),
        "expirationTime": time_text(expires_at),
        "sha256Hash": _hash(sha256 or hashlib.sha256(content or b"").hexdigest()),
        "uri": GOOGLE + name,
        "state": "ACTIVE",
        "source": "UPLOADED",
    }
    return call.store.make(call, name, data, expires_at=expires_at, content=content, key=key)


def generate_file(
    store: OwnedStore, key: str, now: float, content: bytes, mime: str = "video/mp4"
) -> Owned:
    """A file that Google made by itself, as a video is."""
    name = f"files/{new_id()}"
    data = {
        "mimeType": mime,
        "sizeBytes": str(len(content)),
        "createTime": time_text(now),
        "expirationTime": time_text(now + FILE_SECONDS),
        "sha256Hash": _hash(hashlib.sha256(content).hexdigest()),
        "uri": GOOGLE + name,
        "downloadUri": f"{GOOGLE}{name}:download?alt=media",
        "state": "ACTIVE",
        "source": "GENERATED",
    }
    return store.plant(key, name, data, expires_at=now + FILE_SECONDS, content=content)


def _hash(sha256: str) -> str:
    return base64.b64encode(sha256.encode()).decode()


def download(call: Call, found: Owned) -> Answer:
    if call.query.get("alt") != "media":
        raise invalid("A download takes alt=media.")
    return content_of(call, found)


def content_of(call: Call, found: Owned) -> Answer:
    """Whole, or the range that the request asks for."""
    if found.content is None:
        raise invalid("The file is too large to be downloaded.")
    content = found.content
    headers = [
        ("Content-Type", str(found.data.get("mimeType", "application/octet-stream"))),
        ("Accept-Ranges", "bytes"),
    ]
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", call.request.value("range"))
    if not asked:
        return Answer(200, content, headers)
    start, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
    if start > end:
        raise GoogleError(416, "Requested range not satisfiable")
    part = ("Content-Range", f"bytes {start}-{end}/{len(content)}")
    return Answer(206, content[start : end + 1], [*headers, part])


# Bodies in parts.


def parts_of(call: Call) -> list[Message]:
    head = f"Content-Type: {call.request.value('content-type')}\r\n\r\n".encode()
    parts = message_from_bytes(head + call.request.body).get_payload()
    if not isinstance(parts, list) or len(parts) < 2:
        raise invalid("Malformed multipart body.")
    return [part for part in parts if isinstance(part, Message)]


def payload(part: Message) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _object(part: Message) -> dict[str, Any]:
    found = json.loads(payload(part) or b"{}")
    return found if isinstance(found, dict) else {}
