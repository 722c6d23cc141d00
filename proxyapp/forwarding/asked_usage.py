"""Asks OpenAI streams for their usage, where the group wants that and the client did not.

The client gets the stream that it asked for: the event that is added passes the count of LLM
tokens, and goes no further.
"""

from proxyapp.forwarding.attempt import Attempt
from proxyapp.forwarding.long_bodies import read_whole
from proxyapp.forwarding.request_plan import RequestPlan
from proxyapp.provider.long_json import is_streaming
from proxyapp.provider.model_name import PARSED_BYTES
from proxyapp.provider.stream_usage import asking_for_usage, may_stream
from proxyapp.vocabulary.asgi import Header

EVENTS = b"text/event-stream"


async def body_that_asks(request: RequestPlan) -> bytes | None:
    """None: it is sent as it is. With any doubt, and of more than a megabyte, it is."""
    body = request.body
    data = body.data
    if not request.is_generating or not may_stream(request.path) or len(data) > PARSED_BYTES:
        return None
    if len(data) != body.length or b'"stream"' not in data:
        return None
    if body.said is None:
        body.said = await read_whole(body)
    return asking_for_usage(data) if is_streaming(body.said) else None


def asking_plainly(headers: list[Header]) -> list[Header]:
    """For an answer that is not packed: an event is to be taken out of it."""
    kept = [header for header in headers if header[0] != b"accept-encoding"]
    return [*kept, (b"accept-encoding", b"identity")]


def hide_usage(attempt: Attempt) -> None:
    """Before anything of the answer is read."""
    if attempt.status < 300 and EVENTS in attempt.header(b"content-type").lower():
        attempt.hide_usage()
