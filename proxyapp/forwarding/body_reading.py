"""Reads a client's request body whole before the upstream is asked."""

from typing import Any

from proxyapp.forwarding import body_file
from proxyapp.forwarding.request_body import (
    BodyLimits,
    RequestBody,
    refuse_declared_length,
    too_large,
    whole_body,
)
from proxyapp.vocabulary.asgi import Header, Receive


class ClientLeft(Exception):
    """The client closed its connection before the answer was complete."""


async def read_body(receive: Receive, headers: list[Header], limits: BodyLimits) -> RequestBody:
    """Raises BodyTooLarge above the limit, and ClientLeft when the body ends half-way."""
    refuse_declared_length(headers, limits.body)
    message = await _next_part(receive)
    data = message.get("body", b"")
    is_whole = not message.get("more_body")
    body = whole_body(data if is_whole else None, headers, limits)
    return body or await _read_on(receive, data, limits)


async def _read_on(receive: Receive, start: bytes, limits: BodyLimits) -> RequestBody:
    parts, length, file = [start], len(start), None
    more = True
    try:
        while more:
            message = await _next_part(receive)
            parts.append(message.get("body", b""))
            length += len(parts[-1])
            more = message.get("more_body", False)
            if length > limits.body:
                raise too_large(limits.body)
            if length > limits.memory:
                file = body_file.append(file, parts)
                parts.clear()
    except BaseException:
        if file is not None:
            file.close()
        raise
    if file is not None:
        body_file.note_kept()
    return RequestBody(b"".join(parts), file, length)


async def _next_part(receive: Receive) -> dict[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    return message
