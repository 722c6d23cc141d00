"""Jobs at the fake Google: batches, and operations that make videos.

A job is done when it is looked at for the first time.
"""

from typing import Any

from tests.support.fake_errors import GoogleError, invalid
from tests.support.fake_files import generate_file
from tests.support.fake_gemini import OUTPUT_TOKENS, TEXT, Answer, generated_content, json_answer
from tests.support.fake_ownership import Call, Owned, listed, new_id, removed, time_text

TYPES = "type.googleapis.com/google.ai.generativelanguage.v1main."
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 64


# Batches.


def begin_batch(call: Call) -> Answer:
    """`models/*:batchGenerateContent` and `:asyncBatchEmbedContent`."""
    batch = call.json().get("batch") or {}
    config = batch.get("inputConfig") or batch.get("input_config") or {}
    file_name = config.get("fileName") or config.get("file_name")
    requests = (config.get("requests") or {}).get("requests") or []
    if not file_name and not requests:
        raise invalid("A batch takes requests or a file of them.")
    if file_name:
        call.store.find(call, file_name)
    name = f"batches/{new_id()}"
    metadata = {
        "@type": f"{TYPES}GenerateContentBatch",
        "name": name,
        "model": f"models/{call.parts[1]}",
        "displayName": batch.get("displayName") or batch.get("display_name") or name,
        "createTime": time_text(call.now),
        "updateTime": time_text(call.now),
        "state": "BATCH_STATE_PENDING",
        "batchStats": {"requestCount": str(len(requests) or 1)},
        **({"inputConfig": {"fileName": file_name}} if file_name else {}),
    }
    return json_answer(call.store.make(call, name, {"metadata": metadata}).data)


def answer_batch(call: Call) -> Answer:
    method, depth = call.request.method, len(call.parts)
    if method == "GET" and depth == 1:
        return listed(call, "operations", usual=100, most=1000)
    if depth != 2 or call.verb not in ("", "cancel"):
        raise GoogleError(404, "Not found.")
    if method == "DELETE":
        return removed(call, call.name)
    found = call.store.find(call, call.name)
    if call.verb == "cancel":
        found.data["metadata"]["state"] = "BATCH_STATE_CANCELLED"
        return json_answer({})
    if found.data["metadata"]["state"] == "BATCH_STATE_PENDING":
        _end_batch(call, found)
    return json_answer(found.data)


def _end_batch(call: Call, found: Owned) -> None:
    """What came of it is a file where its requests were one."""
    metadata = found.data["metadata"]
    if "inputConfig" in metadata:
        results = generate_file(call.store, call.key, call.now, b'{"key": "1"}\n', "text/plain")
        output: dict[str, Any] = {"responsesFile": results.name}
    else:
        count = int(metadata["batchStats"]["requestCount"])
        model = metadata["model"].removeprefix("models/")
        one = {"response": generated_content(TEXT, OUTPUT_TOKENS, model, is_last=True)}
        output = {"inlinedResponses": {"inlinedResponses": [one] * count}}
    metadata |= {
        "state": "BATCH_STATE_SUCCEEDED",
        "endTime": time_text(call.now),
        "output": output,
    }
    response = {"@type": f"{TYPES}GenerateContentBatchOutput", **output}
    found.data |= {"done": True, "response": response}


# Operations.


def begin_video(call: Call) -> Answer:
    """`models/*:predictLongRunning`."""
    if not call.json().get("instances"):
        raise invalid("instances is required.")
    name = f"models/{call.parts[1]}/operations/{new_id()}"
    return json_answer(call.store.make(call, name, {}).data)


def answer_operation(call: Call) -> Answer:
    """Of a model, of a store, or of none."""
    method = call.request.method
    if method == "GET" and call.parts[-1] == "operations":
        return listed(call, "operations", usual=100, most=1000)
    if method == "DELETE":
        return removed(call, call.name)
    found = call.store.find(call, call.name)
    if call.verb == "cancel":
        found.data |= {"done": True, "error": {"code": 1, "message": "Cancelled."}}
        return json_answer({})
    if call.parts[0] == "models" and not found.data.get("done"):
        video = generate_file(call.store, call.key, call.now, VIDEO)
        sample = {"video": {"uri": video.data["downloadUri"]}}
        response = {
            "@type": f"{TYPES}PredictLongRunningResponse",
            "generateVideoResponse": {"generatedSamples": [sample]},
        }
        found.data |= {"done": True, "response": response}
    return json_answer(found.data)
