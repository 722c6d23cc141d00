"""Files, batches and videos of OpenAI's shape at the fake Google.

An id that is a name of Google's own (`files/…`, `batches/…`) means that one.
"""

import secrets
from typing import Any

from tests.support.fake_errors import GoogleError, invalid
from tests.support.fake_files import FILE_SECONDS, content_of, parts_of, payload
from tests.support.fake_gemini import Answer, json_answer
from tests.support.fake_jobs import VIDEO
from tests.support.fake_ownership import Call, Owned

OPENAI_FILES = "openai/files"
OPENAI_BATCHES = "openai/batches"
OPENAI_VIDEOS = "openai/videos"


def answer_openai(call: Call) -> Answer:
    """`openai/files…`, `openai/batches…` and `openai/videos…`."""
    collection, rest = "/".join(call.parts[:2]), call.parts[2:]
    making, answering = OPENAI_COLLECTIONS[collection]
    if call.request.method == "POST" and not rest:
        return making(call)
    if call.request.method == "GET" and not rest:
        return _list(call, call.store.under(call, collection))
    return answering(call, *openai_name(collection, rest))


def _answer_file(call: Call, name: str, what: str) -> Answer:
    """An id that is a name of Google's means Google's file."""
    if call.request.method == "DELETE" and not what:
        call.store.remove(call, name)
        return json_answer(
            {"id": name.removeprefix("openai/files/"), "object": "file", "deleted": True}
        )
    found = call.store.find(call, name)
    if what == "content":
        return content_of(call, found)
    if what:
        raise GoogleError(404, "Not found.")
    return json_answer(_shaped(found, "file"))


def _shaped(found: Owned, kind: str) -> dict[str, Any]:
    """Google's own, as OpenAI's clients are told of it."""
    return found.data if "id" in found.data else {"id": found.name, "object": kind}


def _make_file_of_form(call: Call) -> Answer:
    fields = {part.get_param("name", header="content-disposition"): part for part in parts_of(call)}
    if "file" not in fields or "purpose" not in fields:
        raise invalid("A file and its purpose are required.")
    content, purpose = payload(fields["file"]), payload(fields["purpose"]).decode()
    made = _make_file(
        call, content, purpose=purpose, filename=fields["file"].get_filename() or "file"
    )
    return json_answer(made.data)


def _make_file(call: Call, content: bytes, *, purpose: str, filename: str) -> Owned:
    file_id = f"file-{secrets.token_hex(6)}"
    data = {
        "id": file_id,
        "object": "file",
        "bytes": len(content),
        "created_at": int(call.now),
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
    }
    expires_at = call.now + FILE_SECONDS
    name = f"{OPENAI_FILES}/{file_id}"
    return call.store.make(call, name, data, expires_at=expires_at, content=content)


def openai_name(collection: str, rest: tuple[str, ...]) -> tuple[str, str]:
    """The resource's name, and what is asked of it (`content`, `cancel`)."""
    whole = "/".join(rest)
    if whole.startswith(("files/", "batches/")):
        kind, one, *more = whole.split("/")
        return f"{kind}/{one}", "/".join(more)
    one, *more = rest
    return f"{collection}/{one}", "/".join(more)


def _list(call: Call, owned: list[Owned]) -> Answer:
    """A page, by `after` and `limit`."""
    ids = [each.data["id"] for each in owned]
    after, limit = call.query.get("after"), int(call.query.get("limit") or 20)
    if after and after not in ids:
        raise invalid("The cursor is invalid.")
    rest = owned[ids.index(after) + 1 :] if after else owned
    data = [each.data for each in rest[:limit]]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return json_answer({"object": "list", "data": data, **ends, "has_more": len(rest) > limit})


def _answer_batch(call: Call, name: str, what: str) -> Answer:
    found = call.store.find(call, name)
    if what == "cancel" and call.request.method == "POST":
        found.data["status"] = "cancelled"
    elif what:
        raise GoogleError(404, "Not found.")
    elif found.data.get("status") == "validating":
        results = _make_file(call, b"{}\n", purpose="batch_output", filename="out.jsonl")
        found.data |= {"status": "completed", "output_file_id": results.data["id"]}
    return json_answer(_shaped(found, "batch"))


def _begin_batch(call: Call) -> Answer:
    asked = call.json()
    call.store.find(call, openai_name(OPENAI_FILES, (asked["input_file_id"],))[0])
    batch_id = f"batch_{secrets.token_hex(6)}"
    data = {
        "id": batch_id,
        "object": "batch",
        "endpoint": asked["endpoint"],
        "input_file_id": asked["input_file_id"],
        "completion_window": asked["completion_window"],
        "status": "validating",
        "created_at": int(call.now),
    }
    return json_answer(call.store.make(call, f"{OPENAI_BATCHES}/{batch_id}", data).data)


def _begin_video(call: Call) -> Answer:
    video_id = f"video_{secrets.token_hex(6)}"
    data = {"id": video_id, "object": "video", "status": "queued", "mimeType": "video/mp4"}
    made = call.store.make(call, f"{OPENAI_VIDEOS}/{video_id}", data, content=VIDEO)
    return json_answer(made.data)


def _answer_video(call: Call, name: str, what: str) -> Answer:
    if call.request.method == "DELETE":
        call.store.remove(call, name)
        return json_answer({"id": call.parts[2], "object": "video.deleted", "deleted": True})
    found = call.store.find(call, name)
    if what == "content":
        return content_of(call, found)
    found.data["status"] = "completed"
    return json_answer(found.data)


# What makes one of a collection, and what answers for one.
OPENAI_COLLECTIONS = {
    OPENAI_FILES: (_make_file_of_form, _answer_file),
    OPENAI_BATCHES: (_begin_batch, _answer_batch),
    OPENAI_VIDEOS: (_begin_video, _answer_video),
}
