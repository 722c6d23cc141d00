"""Interactions at the fake Google: made, chained, looked at and deleted."""

import secrets

from tests.support.fake_errors import GoogleError
from tests.support.fake_gemini import (
    Answer,
    interaction,
    interaction_answer,
    interaction_stream,
    json_answer,
)
from tests.support.fake_ownership import Call, removed

INTERACTION_SECONDS = 55 * 86400


def answer_interaction(call: Call) -> Answer:
    method, rest = call.request.method, call.parts[1:]
    if method == "POST" and not rest:
        return _make(call)
    if not rest or rest[1:] not in ((), ("cancel",)):
        raise GoogleError(404, "Not found.")
    name = f"interactions/{rest[0]}"
    if method == "DELETE":
        return removed(call, name)
    found = call.store.find(call, name)
    if call.query.get("stream") == "true":
        return interaction_stream(found.data)
    return json_answer(found.data)


def _make(call: Call) -> Answer:
    """With `store: false` nothing is kept, and nothing can follow it."""
    asked, interaction_id = call.json(), f"v1_{secrets.token_urlsafe(24)}"
    answer = interaction_answer(call.request, interaction_id)
    if answer.status == 200 and asked.get("store", True):
        name, expires_at = f"interactions/{interaction_id}", call.now + INTERACTION_SECONDS
        made = call.store.make(call, name, {}, expires_at=expires_at)
        made.data = interaction(asked, interaction_id)
    return answer
