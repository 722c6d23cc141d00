"""Caches at the fake Google, and collections of which it knows nothing more than their things."""

from typing import Any

from tests.support.fake_gemini import Answer, json_answer
from tests.support.fake_jobs import answer_operation
from tests.support.fake_ownership import Call, Owned, listed, new_id, removed, time_text

CACHE_SECONDS = 3600
# What names a thing of a collection: a whole name, or an id.
PLAIN = {
    "corpora": "name",
    "tunedModels": "name",
    "auth_tokens": "name",
    "agents": "id",
    "environments": "id",
    "triggers": "id",
    "webhooks": "id",
    "voices": "id",
    "credentials": "id",
}


# Caches.


def answer_cache(call: Call) -> Answer:
    method, depth = call.request.method, len(call.parts)
    if depth == 1 and method == "POST":
        return _make_cache(call)
    if depth == 1:
        return listed(call, "cachedContents", usual=50, most=1000)
    if method == "DELETE":
        return removed(call, call.name)
    found = call.store.find(call, call.name)
    if method == "PATCH":
        _expire(call, found, call.json())
    return json_answer(found.data)


def _make_cache(call: Call) -> Answer:
    asked = call.json()
    usage = {"totalTokenCount": 2048}
    data = {"model": asked["model"], "usageMetadata": usage, "createTime": time_text(call.now)}
    shown = {"displayName": asked["displayName"]} if "displayName" in asked else {}
    made = call.store.make(call, f"cachedContents/{new_id()}", {**data, **shown})
    _expire(call, made, asked)
    return json_answer(made.data)


def _expire(call: Call, cache: Owned, asked: dict[str, Any]) -> None:
    cache.expires_at = call.now + float(asked.get("ttl", f"{CACHE_SECONDS}s").rstrip("s"))
    cache.data |= {"expireTime": time_text(cache.expires_at), "updateTime": time_text(call.now)}


# Collections of which nothing more is known.


def answer_plain(call: Call) -> Answer:
    """Also of what stands below one of them: `corpora/x/documents`."""
    method = call.request.method
    if "operations" in call.parts:
        return answer_operation(call)
    if len(call.parts) > 2:
        call.store.find(call, "/".join(call.parts[:2]))
    if method == "POST" and call.verb:
        call.store.find(call, call.name)
        return json_answer({})
    if method == "POST":
        return json_answer(_make_plain(call).data)
    if len(call.parts) % 2:
        return listed(call, call.parts[-1], usual=10, most=100)
    if method == "DELETE":
        return removed(call, call.name)
    found = call.store.find(call, call.name)
    if method == "PATCH":
        found.data |= call.json()
    return json_answer(found.data)


def _make_plain(call: Call) -> Owned:
    asked, field = call.json(), PLAIN[call.parts[0]]
    name = f"{call.name}/{new_id(str(asked.get(field) or ''))}"
    made = call.store.make(call, name, asked)
    made.data = {**asked, field: name if field == "name" else name.rpartition("/")[2]}
    return made
