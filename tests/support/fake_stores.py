"""File search stores at the fake Google, their documents and the operations that fill them."""

import re
from typing import Any

from tests.support.fake_errors import GoogleError, invalid
from tests.support.fake_gemini import Answer, json_answer
from tests.support.fake_jobs import TYPES, answer_operation
from tests.support.fake_ownership import Call, listed, new_id, removed, time_text
from tests.support.fake_uploads import Upload, Uploads


def answer_store(call: Call, uploads: Uploads) -> Answer:
    method, depth = call.request.method, len(call.parts)
    if depth == 1 and method == "POST":
        return _make_store(call)
    if depth == 1 and method == "GET":
        return listed(call, "fileSearchStores", usual=10, most=20)
    if depth == 2 and method == "POST":
        return _fill(call, uploads)
    if depth == 2:
        return _one_store(call)
    if "operations" in call.parts:
        return answer_operation(call)
    if call.parts[2] == "documents":
        return _documents(call)
    raise GoogleError(404, "Not found.")


def _make_store(call: Call) -> Answer:
    shown = str(call.json().get("displayName") or call.json().get("display_name") or "store")
    slug = re.sub(r"[^a-z0-9]+", "-", shown.lower()).strip("-")[:20] or "store"
    name = f"fileSearchStores/{slug}-{new_id()}"
    times = {"createTime": time_text(call.now), "updateTime": time_text(call.now)}
    return json_answer(call.store.make(call, name, {"displayName": shown, **times}).data)


def _one_store(call: Call) -> Answer:
    if call.request.method == "DELETE":
        call.store.find(call, call.name)
        has_documents = bool(call.store.under(call, f"{call.name}/documents"))
        if has_documents and call.query.get("force") != "true":
            raise GoogleError(
                400, "Cannot delete non-empty FileSearchStore.", "FAILED_PRECONDITION"
            )
        return removed(call, call.name)
    found = call.store.find(call, call.name)
    count = len(call.store.under(call, f"{call.name}/documents"))
    return json_answer({**found.data, "activeDocumentsCount": str(count)})


def _fill(call: Call, uploads: Uploads) -> Answer:
    call.store.find(call, call.name)
    if call.verb == "importFile":
        asked = call.json()
        file = call.store.find(call, asked.get("fileName") or asked["file_name"])
        return json_answer(add_document(call, call.name, file.data, "operations", call.key))
    if call.verb != "uploadToFileSearchStore" or call.front != "upload":
        raise GoogleError(404, "Not found.")
    if call.request.value("x-goog-upload-protocol") == "resumable":
        return uploads.begin(call, call.name)
    if not call.request.body_length:
        raise invalid("A file is required.")
    return json_answer(add_document(call, call.name, {}, "upload/operations", call.key))


def finish_document(call: Call, upload: Upload) -> dict[str, Any]:
    told = {**upload.told, "mimeType": upload.told.get("mimeType") or upload.mime}
    return add_document(call, upload.parent, told, "upload/operations", upload.key)


def add_document(
    call: Call, store: str, told: dict[str, Any], operations: str, key: str
) -> dict[str, Any]:
    """The operation that adds it, which is done at once."""
    document = f"{store}/documents/{new_id()}"
    data = {
        "displayName": told.get("displayName") or told.get("display_name") or "document",
        "mimeType": told.get("mimeType") or "text/plain",
        "createTime": time_text(call.now),
        "state": "STATE_ACTIVE",
    }
    call.store.make(call, document, data, key=key)
    response = {
        "@type": f"{TYPES}UploadToFileSearchStoreResponse",
        "parent": store,
        "documentName": document,
    }
    name = f"{store}/{operations}/{new_id()}"
    made = call.store.make(call, name, {"done": True, "response": response}, key=key)
    return made.data


def _documents(call: Call) -> Answer:
    method, depth = call.request.method, len(call.parts)
    call.store.find(call, "/".join(call.parts[:2]))
    if depth == 3 and method == "GET":
        return listed(call, "documents", usual=10, most=20)
    if depth != 4 or call.verb not in ("", "query"):
        raise GoogleError(404, "Not found.")
    if method == "DELETE":
        return removed(call, call.name)
    return json_answer(call.store.find(call, call.name).data)
